//! Messages: strict about types, tolerant about order, absence and text layout.

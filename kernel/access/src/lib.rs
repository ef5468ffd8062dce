//! Who may see and do what: keys, tokens, roles, policies.

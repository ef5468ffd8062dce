//! Position and instant to space-time codes and back: BeiDou, GeoSOT, H3, the 128-bit key

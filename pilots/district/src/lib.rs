//! The district pilot: a seeded synthetic square kilometre of Haidian and its live sensors

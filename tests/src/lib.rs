//! What the tests share. SKELETON.

pub mod reference;

//! What the tests share. SKELETON.

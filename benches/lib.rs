//! What the benches share. SKELETON.

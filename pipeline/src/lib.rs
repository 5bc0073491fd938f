//! The operator graph, time, delivery, metrics, HTTP and commands. SKELETON.

//! The pool under a scheduler that tries interleavings.

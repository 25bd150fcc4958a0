//! Drawn next.

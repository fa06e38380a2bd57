//! tayberry-core

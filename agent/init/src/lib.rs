//! tayberry-init

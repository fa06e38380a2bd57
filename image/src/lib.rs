//! tayberry

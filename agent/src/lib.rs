//! tayberry-agent

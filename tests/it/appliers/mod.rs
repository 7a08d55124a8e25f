//! Tools that write objects: which writes take effect, and what a tool can take back from another writer.

mod emptied;
mod large;
mod taken_back;
mod tools;
mod two_writers;

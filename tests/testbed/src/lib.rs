//! Starts and stops the real parts that the tests and the demo need.

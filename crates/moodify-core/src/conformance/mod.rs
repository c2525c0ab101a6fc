//! Public test suites: one list of cases per port, run by every adapter.

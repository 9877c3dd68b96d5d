//! One record: scan and validate.

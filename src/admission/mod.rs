//! Admission policy: digits to a verdict.

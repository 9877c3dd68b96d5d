//! Clusters of their own for the client tests.

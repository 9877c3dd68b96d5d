//! Compression of long values, in the form in which the server stores them.

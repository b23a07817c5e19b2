//! Tests of casty from outside: `local` within one process. Nothing lives in the library itself.

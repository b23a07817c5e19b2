//! What becomes of messages whose entity moves.

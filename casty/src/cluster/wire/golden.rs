//! The bytes of each frame, as they are on the wire. A change here breaks clusters that run two builds: it needs a new
//! protocol version, and the old bytes stay readable.

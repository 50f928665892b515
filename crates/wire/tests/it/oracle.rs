//! Our prices against those of another program, for every model that both know.

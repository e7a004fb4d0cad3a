//! Other people's readers on the same log.


//! Integration tests: one binary, so that it is linked once.

#[cfg(test)]
mod bundled;
#[cfg(test)]
mod combination;
#[cfg(test)]
mod decide;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod grpcurl;
#[cfg(test)]
mod overload;
#[cfg(test)]
mod property;
#[cfg(test)]
mod publish;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod server;
#[cfg(test)]
mod swap;
#[cfg(test)]
mod tidy;

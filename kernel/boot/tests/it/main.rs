//! The program as its users meet it: started, asked, killed, and asked again.

mod clients;
mod commands;
mod crash;
mod house;
mod support;

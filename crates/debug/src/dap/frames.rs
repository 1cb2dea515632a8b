//! Owns the framing of DAP messages: `Content-Length` headers and JSON. Pure.

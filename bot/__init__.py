"""The shell: sockets, threads, the clock, wiring. The only asynchronous code."""

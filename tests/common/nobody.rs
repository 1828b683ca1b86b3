//! An address of this machine's at which nobody answers. A port that is let go could be another test's a moment later: this
//! one is kept, and whoever comes is sent away.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// See above.
pub(crate) struct Nobody {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl Nobody {
    pub(crate) fn listening() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (address, stop) = (listener.local_addr().expect("an address"), Arc::new(AtomicBool::new(false)));
        let stopped = stop.clone();
        std::thread::spawn(move || listener.incoming().take_while(|_| !stopped.load(Ordering::Relaxed)).for_each(drop));
        Self { address, stop }
    }
}

impl Drop for Nobody {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        _ = TcpStream::connect(self.address);
    }
}

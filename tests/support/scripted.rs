//! A server that calls a function of the test to create each response.

use super::wire::{Answer, Request};
use std::io::BufReader;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

pub struct Scripted {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Scripted {
    /// Requests are handled one at a time.
    pub fn start(mut respond: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let log = Arc::<Mutex<Vec<Request>>>::default();
        let own = Self {
            address,
            log: Arc::clone(&log),
        };
        // The server reads one request per connection, because the client opens a new connection for each request.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = BufReader::new(stream);
                if let Some(request) = Request::read(&mut stream) {
                    let answer = respond(&request);
                    log.lock().expect("no panic").push(request);
                    let _ = answer.write(stream.get_mut());
                }
            }
        });
        own
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn log(&self) -> Vec<Request> {
        self.log.lock().expect("no panic").clone()
    }
}

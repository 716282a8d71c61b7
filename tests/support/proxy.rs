//! A proxy that stores every request that it receives.

use super::wire::{Answer, Request};
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// Connects to the host and port of a CONNECT request, and forwards all bytes.
    Tunnel,
    Status(u16),
    Close,
    Silence,
}

pub struct Proxy {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Proxy {
    pub fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let seen = Arc::<Mutex<Vec<Request>>>::default();
        let proxy = Self {
            address,
            seen: Arc::clone(&seen),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || serve(stream, reply, &seen));
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("no panic").clone()
    }
}

fn serve(stream: TcpStream, reply: Reply, seen: &Mutex<Vec<Request>>) -> Option<()> {
    let mut out = stream.try_clone().ok()?;
    let mut input = BufReader::new(stream);
    let request = Request::read(&mut input)?;
    let target = request.path.clone();
    seen.lock().expect("no panic").push(request);
    match reply {
        Reply::Close => {}
        Reply::Status(status) => Answer::empty(status).write(&mut out).ok()?,
        Reply::Silence => while input.read(&mut [0]).is_ok_and(|read| read > 0) {},
        Reply::Tunnel => {
            let mut server = TcpStream::connect(target).ok()?;
            out.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").ok()?;
            let mut back = server.try_clone().ok()?;
            std::thread::spawn(move || std::io::copy(&mut back, &mut out));
            std::io::copy(&mut input, &mut server).ok()?;
        }
    }
    Some(())
}

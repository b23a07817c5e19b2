use casty::{prelude::*, testkit::Cluster};
#[message(reply = String)]
struct Say(String);
#[actor]
#[derive(Default)]
struct Echo;
#[actor]
impl Echo {
    #[handler]
    fn say(&self, Say(text): Say) -> String {
        format!("echo {text}")
    }
}

#[test]
fn three_nodes_form_say_hello_and_lose_one() {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .without_time()
        .try_init();
    let started = std::time::Instant::now();
    let mut cluster = Cluster::of(3).seed(7).start();
    println!("formed {:?} {:?}\n{cluster:?}", cluster.elapsed(), started.elapsed());
    cluster.on(0, |system| async move { system.spawn(Echo::default).name("echo").await.unwrap() });
    let said = cluster.on(2, |system| async move {
        let echo = system.lookup::<Echo>("echo").await.unwrap().unwrap();
        echo.ask(Say("hi".into())).await.unwrap()
    });
    assert_eq!(said, "echo hi");
    println!("asked {:?} {:?}\n{cluster:?}", cluster.elapsed(), started.elapsed());
    cluster.crash(0);
    cluster.settle();
    println!("settled {:?} {:?}\n{cluster:?}", cluster.elapsed(), started.elapsed());
    let found = cluster.on(2, |system| async move { system.lookup::<Echo>("echo").await.unwrap() });
    assert_eq!(found, None);
    cluster.restart(0);
    println!("{:?}", cluster.recover(std::time::Duration::from_secs(30)));
    println!("settled {:?} {:?}\n{cluster:?}", cluster.elapsed(), started.elapsed());
}

use super::super::signal::{ORDERS_MAX, Wake};
use super::*;
use std::time::Duration;

fn block_on<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(test)
}

#[test]
fn orders_are_taken_in_turn_and_only_so_many_wait() {
    block_on(async {
        let signal = Arc::new(Signal::default());
        let asked = |order| {
            let (done, answer) = oneshot::channel();
            signal.order(Ordered { order, done }).map(|()| answer)
        };
        let rollback = Rollback {
            digest: "sha256:1".to_owned(),
            reason: "why".to_owned(),
            by: "me".to_owned(),
            hold: Duration::from_secs(1),
        };
        let first = asked(Order::Rollback(rollback)).unwrap();
        let mut later = Vec::new();
        for _ in 1..ORDERS_MAX {
            later.push(asked(Order::Reload).unwrap());
        }
        let steering = Steering {
            signal: Arc::clone(&signal),
        };
        assert_eq!(steering.reload().await, Err(SteerError::Busy));
        assert_eq!(signal.wait(Duration::ZERO), Wake::Ordered);
        let taken = signal.take_order().unwrap();
        assert!(matches!(taken.order, Order::Rollback(_)));
        taken.done.send(Err(SteerError::Panicked)).unwrap();
        assert_eq!(first.await.unwrap(), Err(SteerError::Panicked));
        // Those that wait when the watch ends hear of it, and so do those that come after.
        signal.close();
        for answer in later {
            assert!(answer.await.is_err());
        }
        assert_eq!(steering.reload().await, Err(SteerError::Stopped));
        assert_eq!(signal.wait(Duration::ZERO), Wake::Stop);
    });
}

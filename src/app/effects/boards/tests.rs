//! What connections ask of the person.

use super::*;
use crate::rack::secret::Secret;
use crate::rack::ssh::Question;

const REQUEST: RequestId = RequestId(7);

fn asked() -> (ssh::Ask, oneshot::Receiver<Answer>) {
    let (answer, answered) = oneshot::channel();
    let question = Question::Password {
        user: "pi".to_owned(),
        host: "rpi-01".to_owned(),
        again: false,
    };
    (ssh::Ask { question, answer }, answered)
}

#[tokio::test]
async fn an_answer_goes_to_the_connection_that_asked() {
    let (asked, (inbox, mut told)) = (Asked::default(), mpsc::channel(4));
    let (ask, answered) = self::asked();
    let person = async {
        let msg = told.recv().await;
        assert!(matches!(
            msg,
            Some(Msg::SshAsks {
                request: REQUEST,
                ..
            })
        ));
        let waiting = asked.lock().unwrap().remove(&REQUEST).unwrap();
        waiting.send(Answer::Secret(Secret::new("s"))).unwrap();
        answered.await
    };
    let ((), answer) = tokio::join!(pass_on(REQUEST, ask, &asked, &inbox), person);
    assert!(matches!(answer, Ok(Answer::Secret(_))));
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn a_connection_that_ends_takes_its_question_back() {
    let (asked, (inbox, mut told)) = (Asked::default(), mpsc::channel(4));
    let (ask, answered) = self::asked();
    drop(answered);
    pass_on(REQUEST, ask, &asked, &inbox).await;
    assert!(matches!(told.recv().await, Some(Msg::SshAsks { .. })));
    let ended = told.recv().await;
    assert!(matches!(ended, Some(Msg::SshAskEnded { request: REQUEST })));
    assert!(asked.lock().unwrap().is_empty());
}

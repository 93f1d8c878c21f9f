//! What is computed from the runs: their order, what holds for a file, and the words.

mod ledger {
    use super::super::ledger::{Ledger, RunId};
    use super::super::model::MODELS;
    use crate::work::digest::{FileError, Hashed};
    use std::path::PathBuf;

    const FIRST: RunId = RunId { model: &MODELS[0], round: 1 };
    const SECOND: RunId = RunId { model: &MODELS[1], round: 2 };

    fn hashed(byte: u8) -> Hashed {
        Hashed { digest: [byte; 32], bytes: 7 }
    }

    #[test]
    fn a_file_counts_when_all_runs_agree() {
        let mut ledger = Ledger::new(2);
        ledger.record(0, FIRST, Ok(hashed(1)));
        ledger.record(0, SECOND, Ok(hashed(1)));
        let settled = ledger.settle(&[PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!(settled.hashed, [(0, [1; 32])]);
        assert_eq!((settled.bytes, settled.unseen), (7, 1));
    }

    #[test]
    fn a_file_that_changed_is_named_with_both_runs() {
        let mut ledger = Ledger::new(1);
        ledger.record(0, FIRST, Ok(hashed(1)));
        ledger.record(0, SECOND, Ok(hashed(2)));
        let settled = ledger.settle(&[PathBuf::from("a")]);
        assert!(settled.hashed.is_empty());
        let reason = &settled.failed[0].reason;
        assert!(reason.contains("threads in round 2"), "{reason}");
        assert!(reason.contains("inline in round 1"), "{reason}");
    }

    #[test]
    fn another_digest_in_chaos_takes_it_away_too() {
        let mut ledger = Ledger::new(1);
        ledger.record(0, FIRST, Ok(hashed(1)));
        ledger.record(0, RunId { model: &MODELS[1], round: 0 }, Ok(hashed(2)));
        let settled = ledger.settle(&[PathBuf::from("a")]);
        assert!(settled.failed[0].reason.contains("under threads in chaos"), "{settled:?}");
    }

    #[test]
    fn the_first_failure_stays_and_takes_the_digest_away() {
        let mut ledger = Ledger::new(1);
        ledger.record(0, FIRST, Ok(hashed(1)));
        ledger.record(0, SECOND, Err(FileError::Vanished));
        ledger.record(0, SECOND, Err(FileError::Changed));
        ledger.record(0, SECOND, Ok(hashed(1)));
        let settled = ledger.settle(&[PathBuf::from("a")]);
        assert!(settled.hashed.is_empty());
        assert!(settled.failed[0].reason.contains("vanished"));
    }
}

mod rounds {
    use super::super::rounds::order;

    #[test]
    fn every_model_takes_every_place_once() {
        let order = order(&['i', 't', 'c'], 3);
        assert_eq!(order, [['i', 't', 'c'], ['t', 'c', 'i'], ['c', 'i', 't']].map(Vec::from));
    }

    #[test]
    fn one_model_is_always_first() {
        assert_eq!(order(&['i'], 2), [['i'], ['i']].map(Vec::from));
    }
}

mod units {
    use super::super::report::{agreement_on, prose};
    use super::super::units::{count, number, size, time};

    #[test]
    fn prose_breaks_between_words_and_keeps_units_with_their_numbers() {
        let text = "Once the longest stall was 863 ms under threads, SHA-256 and all.";
        let lines = "Once the longest stall was\n863 ms under threads, SHA-256\nand all.";
        assert_eq!(prose(text, "Once the longest stall was 863".len()), lines);
        assert_eq!(prose(text, text.len()), text);
        let long = "x".repeat(200);
        assert_eq!(prose(&format!("{long} a"), 30), format!("{long}\na"));
    }

    #[test]
    fn one_of_a_thing_is_singular() {
        assert_eq!([0_u32, 1, 2].map(|n| count(n, "file")), ["0 files", "1 file", "2 files"]);
        assert_eq!(agreement_on(0), "No file has a SHA-256");
        let each = "had the same SHA-256 in every run that read it";
        assert_eq!(agreement_on(1), format!("The one file {each}"));
        assert_eq!(agreement_on(2), format!("Each of 2 files {each}"));
    }

    #[test]
    fn times_have_three_digits_and_their_unit() {
        let shown = [0, 999, 1_234, 62_500, 2_500_000, 412_345_678, 61_000_000_000].map(time);
        assert_eq!(shown, ["0 ns", "999 ns", "1.23 µs", "62.5 µs", "2.50 ms", "412 ms", "61.0 s"]);
    }

    #[test]
    fn sizes_and_numbers_too() {
        assert_eq!(size(646_000_000), "646 MB");
        assert_eq!(size(12), "12 B");
        assert_eq!([number(0.5), number(12.34), number(43_056.4)], ["0.50", "12.3", "43056"]);
    }
}

mod verdict {
    use super::super::curve::Curve;
    use super::super::figures::{Figures, Quantiles, Requests};
    use super::super::verdict::{other_work, verdict};

    const MS: u64 = 1_000_000;

    fn requests(latency: Quantiles) -> Requests {
        Requests { sent: 500, latency, ..Requests::default() }
    }

    fn figures(model: &'static str, stall_ms: u64, p99_ms: u64) -> Figures {
        let heartbeat = Quantiles {
            count: 1000,
            p50_ns: 100_000,
            p99_ns: p99_ms * MS,
            p999_ns: stall_ms * MS,
            max_ns: stall_ms * MS,
        };
        Figures {
            model,
            on_loop: model == "inline",
            rounds_complete: 3,
            partial: false,
            total_time_ns: 1000 * MS,
            round_times_ns: vec![1000 * MS],
            files_done: 100,
            bytes_done: 100,
            files_per_s: if model == "inline" { 100.0 } else { 150.0 },
            bytes_per_s: 100.0,
            heartbeat,
            heartbeat_curve: Curve::default(),
            missed_beats: stall_ms,
            request: Some(requests(heartbeat)),
            longest_stall_ns: stall_ms * MS,
        }
    }

    #[test]
    fn a_stall_that_offloop_cured_is_told_with_its_figures() {
        let text = verdict(&[figures("inline", 400, 350), figures("threads", 2, 1)]);
        assert!(text.contains("up to 400 ms (request p99 350 ms, heart"), "{text}");
        assert!(text.contains("was 2.00 ms under threads (request p99 1.00 ms"), "{text}");
        assert!(text.contains("at 1.50 times the pace"), "{text}");
        assert!(!text.contains("not better"), "{text}");
    }

    #[test]
    fn a_stall_that_offloop_did_not_cure_is_not_praised() {
        let all = [figures("inline", 40, 3), figures("threads", 2, 1), figures("cores", 80, 9)];
        assert!(verdict(&all).contains("not better under every model"));
    }

    #[test]
    fn requests_that_wait_longer_off_the_loop_are_no_cure() {
        let mut threads = figures("threads", 2, 1);
        let slow = Quantiles { count: 500, p99_ns: 900 * MS, ..Quantiles::default() };
        threads.request = Some(requests(slow));
        let text = verdict(&[figures("inline", 400, 350), threads]);
        assert!(text.contains("not better under every model"), "{text}");
    }

    #[test]
    fn without_a_measuring_client_only_heartbeats_are_told() {
        let mut all = [figures("inline", 400, 350), figures("threads", 2, 1)];
        for one in &mut all {
            one.request = None;
        }
        let text = verdict(&all);
        assert!(text.contains("(heartbeat p99 350 ms)"), "{text}");
        assert!(!text.contains("request"), "{text}");
    }

    #[test]
    fn a_load_beyond_the_cpus_is_owned_up_to() {
        let text = other_work(Some(2.01), 2).unwrap();
        assert!(text.contains("(load average 2.01 on 2 CPUs)"), "{text}");
        assert!(text.contains("include other programs' work"), "{text}");
        assert!(other_work(Some(1.5), 1).unwrap().contains("on 1 CPU)"));
        assert_eq!(other_work(Some(2.0), 2), None);
        assert_eq!(other_work(None, 1), None);
    }

    #[test]
    fn small_files_need_no_offloop_and_are_told_so() {
        let text = verdict(&[figures("inline", 1, 1), figures("cores", 1, 1)]);
        assert!(text.contains("nothing stalled it for 10.0 ms or more"), "{text}");
        assert!(text.contains("can stay on a loop"), "{text}");
    }

    #[test]
    fn one_side_alone_is_not_compared() {
        let text = verdict(&[figures("inline", 400, 350)]);
        assert!(text.contains("no other model"), "{text}");
        let text = verdict(&[figures("cores", 1, 1)]);
        assert!(text.contains("Add --model inline"), "{text}");
    }

    #[test]
    fn without_a_heartbeat_there_is_nothing_to_say() {
        let mut short = figures("inline", 0, 0);
        short.heartbeat = Quantiles::default();
        assert!(verdict(&[short]).contains("before the first heartbeat"));
        assert!(verdict(&[]).contains("No run was begun"));
    }

    #[test]
    fn it_is_two_sentences() {
        let all = [figures("inline", 400, 350), figures("threads", 2, 1)];
        for text in [verdict(&all), verdict(&all[..1]), verdict(&all[1..])] {
            assert_eq!(text.matches(". ").count(), 1, "{text}");
            assert!(text.ends_with('.'), "{text}");
        }
    }
}

mod chaos {
    use super::super::chaos::{Ill, calls, list};
    use std::path::PathBuf;

    #[test]
    fn every_50th_call_goes_wrong_each_way_in_turn() {
        let ills: Vec<_> = (0..200).filter_map(|index| Some((index, Ill::of(index)?))).collect();
        let turn = [(49, Ill::Crash), (99, Ill::Hang), (149, Ill::Hog), (199, Ill::Crash)];
        assert_eq!(ills, turn);
    }

    #[test]
    fn a_list_is_repeated_as_a_whole_until_it_has_150_calls() {
        assert_eq!([0, 1, 149, 150, 151].map(calls), [0, 150, 298, 150, 151]);
        let files = [PathBuf::from("a"), PathBuf::from("b")];
        let list = list(&files);
        assert_eq!((list.len(), &list[149], &list[148]), (150, &files[1], &files[0]));
    }
}

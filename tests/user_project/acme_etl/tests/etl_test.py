def test_etl(bacalhau_stub, run_dag):                      # run_dag pulls in bacalhau_connection
    bacalhau_stub.s3.put("s3://acme-raw/sales/2026-01-01/a.csv", b"id\n1\n")
    bacalhau_stub.on(image="acme/clean:*").log("1 row").file("outputs/clean.csv", b"id\n1\n").exit(0)
    bacalhau_stub.on(task="train", attempt=1).after("40m").exit(137)
    bacalhau_stub.on(task="train").exit(0)                 # first match wins: the retry
    bacalhau_stub.fault("PUT", "*/jobs", "drop_reply", times=1)
    run = run_dag("dags/etl.py", logical_date="2026-01-01")
    assert run.state == "success", run.explain()
    assert bacalhau_stub.submissions(dag="etl", task="clean") == 1
    assert bacalhau_stub.s3.read(run.xcom("clean", key="result")) == b"id\n1\n"

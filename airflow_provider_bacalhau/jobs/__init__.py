"""Acting on jobs at a server, without Airflow: patience with a server that gives no answer, stops that hold."""

"""Run Bacalhau jobs from Apache Airflow. Importing the package imports nothing else."""

__version__ = "0.1.0"

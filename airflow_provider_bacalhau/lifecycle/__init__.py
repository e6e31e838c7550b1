"""The brain of the provider: identity, the decision to submit, waiting, verdicts, job specs.

Everything here is pure: no IO, no clock, no randomness, no Airflow. Time and what was seen are arguments, answers are
data, and whatever has to survive a process turns into plain JSON values and back.
"""

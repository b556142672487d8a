"""Every night, the day before, by Airflow 3; a task that was killed is started again and goes on where it was."""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("scorer", schedule="0 3 * * *", start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1):
    BashOperator(
        task_id="score",
        bash_command="exec scorer score /srv/lake --out /srv/scores --date {{ macros.ds_add(ds, -1) }} --log json",
        cwd="/srv/scorer",
        skip_on_exit_code=75,  # another run is at work on this date
        retries=3,
        retry_delay=timedelta(minutes=5),
    )

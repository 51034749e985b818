from django.db import migrations


class Migration(migrations.Migration):
    """Before a worker takes a job, it looks for earlier ones of its lane.

    Without this index it reads all that wait, for each one that waits: 2 s where a lane holds 10,000, 0.02 s with it.
    """

    dependencies = [("ispanel", "0005_job_failures"), ("procrastinate", "0041_post_retry_failed_job")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX procrastinate_jobs_by_lane ON procrastinate_jobs (lock, id)"
            " WHERE lock IS NOT NULL AND status IN ('todo', 'doing')",
            "DROP INDEX procrastinate_jobs_by_lane",
        )
    ]

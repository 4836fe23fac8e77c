"""Sessions of before are listed, too, so that "end all others" means all. Where they came from, nobody knows."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import migrations
from django.db.models import F
from django.utils import timezone

AT_ONCE = 1000


def note(apps, schema_editor):
    Session, User, SignIn = (
        apps.get_model(*name) for name in (('sessions', 'Session'), ('chat', 'User'), ('chat', 'SignIn'))
    )
    User.objects.update(email_since=F('date_joined'))
    people = {str(pk): pk for pk in User.objects.values_list('pk', flat=True)}
    # When a session was saved last.
    ago = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    made = []
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        owner = people.get(SessionStore().decode(session.session_data).get(SESSION_KEY))
        if owner is not None:
            when = session.expire_date - ago
            made.append(
                SignIn(session_key=session.session_key, owner_id=owner, created_at=when, last_seen_at=when)
            )
    SignIn.objects.bulk_create(made, AT_ONCE)


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0009_account'),
        ('sessions', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(note, migrations.RunPython.noop),
    ]

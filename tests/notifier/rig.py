"""People, their phones, and what was written to them."""

from perchtest import wait_for


class World:
    """People of the instance and their phones."""

    def __init__(self, site, api):
        self.site, self.api = site, api

    def person(self, name="Sender", **settings):
        person = self.site.person(name.lower(), display_name=name)
        if settings:
            self.set(person, **settings)
        return person

    def set(self, person, **settings):
        """Of PATCH /me: time_zone, or what belongs to `notify`."""
        zone = {key: settings.pop(key) for key in ("time_zone", "locale") if key in settings}
        reply = person.patch("/me", {**zone, **({"notify": settings} if settings else {})})
        assert reply.status_code == 200, reply.text

    def linked(self, name="Reader", **settings):
        """A person and the phone that is linked; nothing about the linking is to be said."""
        person, phone = self.person(name, **settings), self.api.phone(name, started=True)
        self.link(person, phone)
        return person, phone

    def link(self, person, phone):
        self.site.sql("INSERT INTO telegram_links (user_id, chat_id, confirmed_at, name)"
                      " VALUES (%s, %s, clock_timestamp(), 'Reader')", person.id, phone.id)

    def queued(self, person):
        """How many messages wait to be told to the person."""
        [[count]] = self.site.sql("SELECT count(*) FROM outbox WHERE recipient_id = %s", person.id)
        return count

    def await_queued(self, person, count, timeout=10):
        wait_for(lambda: self.queued(person) == count, timeout, f"{count} rows of the outbox")


def texts(phone):
    """What the bot wrote to the phone, as it stands there now."""
    return [message["text"] for message in phone.received()]


def told(world, phone, count=1, timeout=10):
    """The calls that wrote to the phone, or changed what was written, once there are so many."""
    def enough():
        calls = [call for call in world.api.calls(chat=phone)
                 if call["method"].lower() in ("sendmessage", "editmessagetext")]
        return calls if len(calls) >= count else None
    return wait_for(enough, timeout, f"{count} messages and edits")

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import Settings

from chat.models import Assistant, ModelListing, ProviderAccount, User
from chat.models.assistant import ABILITIES

SignIn = Callable[[User], Client]
LIST = "/admin/chat/assistant/"
FORM = {
    "name": "Tutor",
    "slug": "tutor",
    "provider": "demo",
    "model": "demo",
    "instructions": "Be kind.",
    "temperature": "0.5",
    "max_output_tokens": "",
    "position": "3",
    "is_active": "on",
}


def make(name: str, **fields: object) -> Assistant:
    values = {"slug": name.lower(), "provider": "demo", "model": "demo", **fields}
    return Assistant.objects.create(name=name, **values)


def test_an_administrator_creates_an_assistant(signed_in: SignIn, admin: User) -> None:
    group = Group.objects.create(name="friends")

    response = signed_in(admin).post(f"{LIST}add/", {**FORM, "groups": [group.pk]})

    assert response.status_code == 302
    tutor = Assistant.objects.get()
    assert (tutor.name, tutor.temperature, tutor.position, tutor.instructions) == ("Tutor", 0.5, 3, "Be kind.")
    assert list(tutor.groups.all()) == [group]


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", "3"), ("temperature", "nan"), ("max_output_tokens", "0"), ("slug", "a b"), ("provider", "x")],
)
def test_a_mistake_is_shown(signed_in: SignIn, admin: User, field: str, value: str) -> None:
    response = signed_in(admin).post(f"{LIST}add/", {**FORM, field: value})

    assert list(response.context["adminform"].form.errors) == [field]
    assert not Assistant.objects.exists()


def test_a_default_saved_by_an_administrator_counts_as_their_choice(signed_in: SignIn, admin: User) -> None:
    tutor = make("Tutor", is_default=True, is_found_default=True)

    signed_in(admin).post(f"{LIST}{tutor.pk}/change/", {**FORM, "is_default": "on"})

    tutor.refresh_from_db()
    assert (tutor.is_default, tutor.is_found_default) == (True, False)


def test_edits_in_the_list_keep_a_detected_default(signed_in: SignIn, admin: User) -> None:
    tutor = make("Tutor", is_default=True, is_found_default=True)
    form = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(tutor.pk), "form-0-position": "7"}

    signed_in(admin).post(LIST, {**form, "form-0-is_active": "on", "_save": "Save"})

    tutor.refresh_from_db()
    assert (tutor.position, tutor.is_default, tutor.is_found_default) == (7, True, True)


def test_the_list_marks_models_missing_from_their_server(signed_in: SignIn, admin: User, settings: Settings) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    make("Gone", provider="openai", model="gone", is_detected=True, is_available=False)

    assert "model not listed, hidden" in signed_in(admin).get(LIST).content.decode()


def test_the_list_marks_disabled_or_deleted_accounts(signed_in: SignIn, admin: User) -> None:
    account = ProviderAccount.objects.create(name="Ours", slug="ours", kind="openai", is_active=False)
    make("Tutor", provider="ours")
    client = signed_in(admin)

    assert "⚠ Ours: account is off" in client.get(LIST).content.decode()
    ProviderAccount.objects.update(is_active=True)
    assert "⚠" not in client.get(LIST).content.decode()
    ProviderAccount.objects.filter(pk=account.pk).delete()
    assert "⚠ ours: account does not exist" in client.get(LIST).content.decode()


def test_a_new_default_replaces_the_previous_one(signed_in: SignIn, admin: User) -> None:
    before = make("Before", is_default=True)

    response = signed_in(admin).post(f"{LIST}add/", {**FORM, "is_default": "on"})

    assert response.status_code == 302, response.context["adminform"].form.errors

    before.refresh_from_db()
    assert not before.is_default
    assert Assistant.objects.get(slug="tutor").is_default


def test_the_order_is_changed_in_the_list(signed_in: SignIn, admin: User, alice: User) -> None:
    first, second = make("First", position=1), make("Second", position=2)
    client = signed_in(admin)

    client.post(
        LIST,
        {
            "form-TOTAL_FORMS": "2",
            "form-INITIAL_FORMS": "2",
            "form-0-id": first.pk,
            "form-0-position": "5",
            "form-0-is_active": "on",
            "form-1-id": second.pk,
            "form-1-position": "2",
            "form-1-is_active": "on",
            "_save": "Save",
        },
    )

    assert list(Assistant.objects.usable_by(alice)) == [second, first]


def test_an_unconfigured_provider_is_marked(signed_in: SignIn, admin: User, settings: Settings) -> None:
    assistant = make("Remote", provider="openai")
    client = signed_in(admin)
    page = f"{LIST}{assistant.pk}/change/"

    for address in (LIST, page):
        assert "OPENAI_API_KEY" in client.get(address).content.decode() or address == LIST
    assert "not configured" in client.get(LIST).content.decode()

    settings.OPENAI_BASE_URL = "http://127.0.0.1:8080/v1"
    assert "not configured" not in client.get(LIST).content.decode()
    assert "OPENAI_API_KEY" not in client.get(page).content.decode()


def test_a_deleted_provider_is_kept_until_another_is_chosen(signed_in: SignIn, admin: User) -> None:
    tutor = make("Tutor", provider="gone")
    client, page = signed_in(admin), f"{LIST}{tutor.pk}/change/"

    assert "gone (does not exist any more)" in client.get(page).content.decode()
    assert client.post(page, {**FORM, "provider": "gone", "name": "Renamed"}).status_code == 302
    tutor.refresh_from_db()
    assert (tutor.name, tutor.provider) == ("Renamed", "gone")
    assert client.post(page, FORM).status_code == 302
    assert client.post(page, {**FORM, "provider": "gone"}).status_code == 200


def test_the_list_is_filtered_by_provider(signed_in: SignIn, admin: User) -> None:
    make("Odd", provider="gone")
    make("Tutor")

    shown = signed_in(admin).get(LIST, {"provider": "gone"})

    assert [each.name for each in shown.context["cl"].queryset] == ["Odd"]
    assert b"?provider=demo" in shown.content


def test_a_configured_provider_is_not_marked(signed_in: SignIn, admin: User) -> None:
    assistant = make("Demo")
    client = signed_in(admin)

    assert "not configured" not in client.get(LIST).content.decode()
    assert "cannot answer" not in client.get(f"{LIST}{assistant.pk}/change/").content.decode()


def test_hostile_names_are_escaped(signed_in: SignIn, admin: User) -> None:
    hostile = '"><script>__x=1</script>'
    assistant = make("Odd", model=hostile, description=hostile, instructions="</textarea>" + hostile)
    Assistant.objects.update(name=hostile)
    client = signed_in(admin)

    for address in (LIST, f"{LIST}{assistant.pk}/change/", f"{LIST}{assistant.pk}/delete/"):
        assert "<script>__x" not in client.get(address).content.decode()


@pytest.mark.parametrize("address", [LIST, f"{LIST}add/"])
def test_the_page_is_for_administrators(signed_in: SignIn, charlie: User, address: str) -> None:
    assert signed_in(charlie).post(address, FORM, follow=True).status_code == 403
    assert not Assistant.objects.exists()


class TestModels:
    @pytest.fixture(autouse=True)
    def _listed(self, db: None) -> None:
        ProviderAccount.objects.create(name="Ours & Co", slug="ours", kind="openai")
        known = {"context_window": 8192, "can_use_tools": True, "thinks": False}
        ModelListing.objects.create(provider="ours", listed=[{"name": "heron", **known}, {"name": '"><b>x'}])
        ModelListing.objects.create(provider="gone", listed=[{"name": "nobody's"}])

    def test_listed_models_are_offered(self, signed_in: SignIn, admin: User) -> None:
        shown = signed_in(admin).get(f"{LIST}add/").content.decode()
        assert '<option value="heron" label="Ours &amp; Co">' in shown
        assert '<option value="ours">Ours &amp; Co</option>' in shown
        assert "<b>x" not in shown
        assert "nobody" not in shown

    def test_an_assistant_gets_the_model_facts_of_the_server(self, signed_in: SignIn, admin: User) -> None:
        client = signed_in(admin)
        assert client.post(f"{LIST}add/", {**FORM, "provider": "ours", "model": "heron"}).status_code == 302
        tutor = Assistant.objects.get()
        assert [tutor.ability(name) for name in ABILITIES] == [8192, True, None, False]

        shown = client.get(f"{LIST}{tutor.pk}/change/").content.decode()
        assert "Leave empty for what was detected: 8192." in shown
        assert "as detected (yes)" in shown
        assert "as detected (no)" in shown
        assert "not known" in shown

        said = {"context_window": "4096", "can_use_tools": "false", "can_see_images": "true", "thinks": "unknown"}
        sent = {**FORM, "provider": "ours", "model": "heron", "effort": "low", **said}
        assert client.post(f"{LIST}{tutor.pk}/change/", sent).status_code == 302
        tutor.refresh_from_db()
        assert [tutor.ability(name) for name in ABILITIES] == [4096, False, True, False]
        assert tutor.effort == "low"

    @pytest.mark.parametrize(("model", "is_warned"), [("heron", False), ("stork", True)])
    def test_an_unlisted_model_is_accepted_with_a_warning(
        self, signed_in: SignIn, admin: User, model: str, is_warned: bool
    ) -> None:
        sent = {**FORM, "provider": "ours", "model": model}
        shown = signed_in(admin).post(f"{LIST}add/", sent, follow=True).content.decode()
        assert Assistant.objects.get().model == model
        assert ("does not list a model" in shown) == is_warned

    def test_a_provider_without_a_listing_gives_no_warning(self, signed_in: SignIn, admin: User) -> None:
        shown = signed_in(admin).post(f"{LIST}add/", FORM, follow=True).content.decode()
        assert "does not list a model" not in shown

    @pytest.mark.parametrize(("field", "value"), [("effort", "most"), ("context_window", "0")])
    def test_a_mistake_is_shown(self, signed_in: SignIn, admin: User, field: str, value: str) -> None:
        shown = signed_in(admin).post(f"{LIST}add/", {**FORM, field: value})
        assert list(shown.context["adminform"].form.errors) == [field]

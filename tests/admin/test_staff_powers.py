"""Whatever staff send to the admin, nobody gains a permission by it, and nobody's account can be taken over.

They send what a superuser could send: every field of the superuser's own forms, with every permission chosen.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.contrib import admin as django_admin
from django.contrib.admin import ModelAdmin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.forms import BaseForm, CheckboxInput, ModelMultipleChoiceField
from django.test import Client
from django.urls import reverse

from chat.admin import ApiTokenAdmin, GroupAdmin, UserAdmin
from chat.models import ApiToken, Assistant, McpServer, SideEffect, User
from tests.cast import make_conversation, make_staff, sign_in

SignIn = Callable[[User], Client]
NEW: Final = "taken over with 123 words"
# Different ways to the same views.
WAYS: Final = (("", "_save"), ("?_popup=1&_to_field=id", "_save"), ("", "_saveasnew"), ("", "_continue"))


@pytest.fixture
def sam(db: None) -> User:
    """Staff with all permissions but one, but not a superuser."""
    return make_staff("sam", everything())


@pytest.fixture
def world(sam: User, admin: User, alice: User, bob: User) -> None:
    """A powerful group that sam is not in, an empty one that sam and alice are in, and something of each model."""
    powerful, everyday = Group.objects.create(name="powerful"), Group.objects.create(name="everyday")
    powerful.permissions.set(Permission.objects.all())
    powerful.user_set.add(bob)
    everyday.user_set.set([sam, alice])
    make_staff("colleague", ())
    for owner in (sam, admin, alice):
        ApiToken.objects.issue(owner, "before")
        make_conversation(owner, "A question", "An answer")
    SideEffect.objects.begin(
        owner_id=alice.pk,
        client_message_id=str(uuid.uuid4()),
        run_id=str(uuid.uuid4()),
        call_id="c12345678",
        tool="local:send_mail",
        arguments={},
    )
    McpServer.objects.create(name="Ours", slug="ours", url="http://127.0.0.1:9/mcp")
    Assistant.objects.create(name="Reserved", slug="reserved", provider="demo").groups.add(powerful)


def everything() -> Any:
    """All permissions but one, so that there is one left for sam to gain."""
    return Permission.objects.exclude(codename="read_any_conversation")


def powers(names: dict[int, str]) -> dict[str, Any]:
    """Everybody's permissions, and what gives access to powerful accounts: their passwords, addresses and tokens.

    `names` are the original ones: a renamed user is the same user.
    """
    found: dict[str, Any] = {}
    for user in User.objects.all():
        name = names.get(user.pk, "somebody new")
        found[f"{name} may"] = sorted(user.get_all_permissions())
        found[f"{name} is"] = (user.is_staff, user.is_superuser)
        if (user.is_staff or user.is_superuser) and name != "sam":
            found[f"{name}'s account"] = (user.password, user.email, user.is_active, user.username)
    for token in ApiToken.objects.exclude(owner__in=[pk for pk, name in names.items() if name == "sam"]):
        found[f"token {token.pk}"] = (token.owner_id, token.digest, token.revoked_at)
    return found


def gained(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What anybody can do now that they could not do before. New users may not do anything."""
    found = []
    for name, value in after.items():
        if name.endswith(" may"):
            more: Any = set(value) - set(before.get(name, []))
        elif name.endswith(" is"):
            more = any(now and not then for now, then in zip(value, before.get(name, (False, False)), strict=True))
        elif name.startswith("token "):
            more = name not in before or (value[2] is None and before[name][2] is not None)
            more = more or value[:2] != before[name][:2]
        else:
            more = name not in before or value != before[name]
        if more:
            found.append(name)
    return found


def objects() -> Iterator[tuple[Any, Any]]:
    for model, model_admin in django_admin.site._registry.items():
        for found in model._default_manager.all():
            yield model_admin, found


def address(model_admin: Any, view: str, *arguments: Any) -> str:
    options = model_admin.opts
    return reverse(f"admin:{options.app_label}_{options.model_name}_{view}", args=arguments)


def greedy(form: BaseForm) -> dict[str, Any]:
    """All fields of a form, with every box ticked and every choice selected."""
    sent: dict[str, Any] = {}
    for bound in form:
        value, field = bound.value(), bound.field
        if isinstance(field, ModelMultipleChoiceField):
            sent[bound.html_name] = [str(each.pk) for each in field.queryset]
        elif isinstance(field.widget, CheckboxInput):
            sent[bound.html_name] = "on"
        elif hasattr(field.widget, "widgets"):
            for position, part in enumerate(field.widget.decompress(value)):
                sent[f"{bound.html_name}_{position}"] = "" if part is None else str(part)
        else:
            sent[bound.html_name] = "" if value is None else str(value)
    return sent


def forms() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """For every form of the admin: a name, its address and the data that a superuser could send."""
    asking = sign_in(User.objects.get(username="admin"), Client())
    sam = User.objects.get(username="sam")
    for model_admin in django_admin.site._registry.values():
        name = model_admin.opts.model_name
        listed, add = address(model_admin, "changelist"), address(model_admin, "add")
        pks = [str(pk) for pk in model_admin.model._default_manager.values_list("pk", flat=True)]
        shown = asking.get(listed).context["cl"]
        for action in model_admin.get_actions(_request_of(asking)):
            yield f"{name} action {action}", listed, {"action": action, "_selected_action": pks, "post": "yes"}
        if shown.formset is not None:
            sent = {f"{shown.formset.prefix}-TOTAL_FORMS": len(pks), f"{shown.formset.prefix}-INITIAL_FORMS": len(pks)}
            for form in shown.formset.forms:
                sent |= greedy(form)
            yield f"{name} list", listed, {**sent, "_save": "Save"}
        page = asking.get(add)
        if page.status_code == 200:
            filled = greedy(page.context["adminform"].form)
            named = {
                "username": "sam2",
                "name": "taken",
                "slug": "taken",
                "owner": str(sam.pk),
                "title": "x",
                "text": "x",
            }
            chosen = {"usable_password": "true", "password1": NEW, "password2": NEW}
            powers_too = {"is_staff": "on", "is_superuser": "on", "permissions": filled.get("permissions", [])}
            yield f"{name} add", add, {**filled, **named, **chosen, **powers_too}
            for owner in User.objects.exclude(pk=sam.pk):
                yield f"{name} add for {owner}", add, {**filled, **named, **chosen, "owner": str(owner.pk)}
    for model_admin, found in objects():
        name = f"{model_admin.opts.model_name} {found}"
        change = address(model_admin, "change", found.pk)
        page = asking.get(change)
        form = page.context["adminform"].form if "adminform" in (page.context or {}) else None
        sent = greedy(form) if form is not None else {}
        yield f"{name} change", change, sent
        yield f"{name} of sam", change, {**sent, "owner": str(sam.pk), "user_set": [str(sam.pk)], "users": str(sam.pk)}
        yield f"{name} address", change, {**sent, "email": "taken@example.org", "username": "taken"}
        yield f"{name} delete", address(model_admin, "delete", found.pk), {"post": "yes"}
        yield f"{name} history", address(model_admin, "history", found.pk), {"revert": "1", "post": "yes"}
        if isinstance(found, User):
            yield f"{name} password", f"/admin/chat/user/{found.pk}/password/", {
                "usable_password": "true", "password1": NEW, "password2": NEW,
            }  # fmt: skip


def _request_of(client: Client) -> Any:
    return client.get("/admin/").wsgi_request


def tries(client: Client, only: str = "") -> list[str]:
    """Send every form whose name starts with `only`, each from the same initial state. Returns what each gained."""
    names = dict(User.objects.values_list("pk", "username"))
    before, found = powers(names), []
    for name, path, sent in [form for form in forms() if form[0].startswith(only)]:
        for suffix, button in WAYS if name.endswith(("change", "add")) else WAYS[:1]:
            with transaction.atomic():
                response = client.post(path + suffix, {button: "x", **sent})
                assert response.status_code < 500, (name, path)
                found += [f"{name}: {each}" for each in gained(before, powers(names))]
                transaction.set_rollback(True)
    return found


def test_no_admin_form_lets_staff_gain_permissions(signed_in: SignIn, world: None, sam: User) -> None:
    assert tries(signed_in(sam)) == []


def test_control_a_superuser_grants_permissions_by_the_same_forms(signed_in: SignIn, world: None, admin: User) -> None:
    for form, gain in (
        ("group everyday change", "alice may"),
        ("user alice change", "alice is"),
        ("user colleague password", "colleague's account"),
        ("user colleague address", "colleague's account"),
        ("apitoken add for admin", "token"),
    ):
        found = tries(signed_in(admin), only=form)
        assert any(line.startswith(f"{form}: {gain}") for line in found), (form, found)


@pytest.mark.parametrize(
    ("model_admin", "guard", "without", "gain"),
    [
        (GroupAdmin, "get_readonly_fields", DjangoGroupAdmin, "group everyday change: alice may"),
        (GroupAdmin, "get_readonly_fields", DjangoGroupAdmin, "group everyday change: sam may"),
        (UserAdmin, "get_readonly_fields", DjangoUserAdmin, "user sam change: sam is"),
        (UserAdmin, "get_queryset", DjangoUserAdmin, "user admin password: admin's account"),
        (UserAdmin, "get_queryset", DjangoUserAdmin, "user colleague address: colleague's account"),
        (ApiTokenAdmin, "save_model", ModelAdmin, "apitoken add for admin: token"),
    ],
)
def test_control_without_its_guard_an_admin_form_grants_permissions(
    signed_in: SignIn,
    world: None,
    sam: User,
    monkeypatch: pytest.MonkeyPatch,
    model_admin: Any,
    guard: str,
    without: Any,
    gain: str,
) -> None:
    monkeypatch.setattr(model_admin, guard, getattr(without, guard))
    if model_admin is ApiTokenAdmin:
        monkeypatch.setattr(ApiTokenAdmin, "get_fields", lambda *_: ("owner", "name"))

    found = tries(signed_in(sam), only=gain.partition(":")[0])

    assert any(line.startswith(gain) for line in found), found


@pytest.mark.parametrize("deleted", ["everyday", "powerful"])
def test_staff_cannot_delete_groups(signed_in: SignIn, world: None, sam: User, deleted: str) -> None:
    """Otherwise an assistant reserved for the group would become available to everybody."""
    group = Group.objects.get(name=deleted)
    client = signed_in(sam)

    by_form = client.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"})
    client.post("/admin/auth/group/", {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"})

    assert by_form.status_code == 403
    assert Group.objects.filter(pk=group.pk).exists()
    assert list(Assistant.objects.get(slug="reserved").groups.all()) == [Group.objects.get(name="powerful")]


def test_staff_can_rename_groups(signed_in: SignIn, world: None, sam: User) -> None:
    group = Group.objects.get(name="powerful")
    client = signed_in(sam)

    two = [permission.pk for permission in Permission.objects.all()[:2]]
    client.post("/admin/auth/group/add/", {"name": "new", "permissions": two})
    client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "renamed", "permissions": []})

    assert Group.objects.get(name="new").permissions.count() == 0
    assert Group.objects.get(name="renamed").permissions.count() == Permission.objects.count()


def test_an_administrator_gives_a_group_its_permissions(signed_in: SignIn, admin: User) -> None:
    group = Group.objects.create(name="everyday")
    two = [permission.pk for permission in Permission.objects.all()[:2]]

    signed_in(admin).post(f"/admin/auth/group/{group.pk}/change/", {"name": "everyday", "permissions": two})

    assert group.permissions.count() == 2
    signed_in(admin).post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"})
    assert not Group.objects.exists()


def test_every_admin_model_is_covered(signed_in: SignIn, world: None) -> None:
    tried = {name.split()[0] for name, _, _ in forms()}

    assert tried == {str(model._meta.model_name) for model in django_admin.site._registry}

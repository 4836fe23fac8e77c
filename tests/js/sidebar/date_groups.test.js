import assert from "node:assert/strict";
import { test } from "node:test";

import { dateGroup, groupByDate } from "../../../static/js/sidebar/date_groups.js";

const NOW = new Date(2026, 10, 21, 9, 30);

/** @param {number} days @param {number} hour */
function ago(days, hour = 23) {
  return new Date(2026, 10, 21 - days, hour);
}

test("days are calendar days", () => {
  assert.equal(dateGroup(ago(0, 0), NOW), "Today");
  assert.equal(dateGroup(ago(1, 23), NOW), "Yesterday");
  assert.equal(dateGroup(ago(2, 0), NOW), "Previous 7 days");
  assert.equal(dateGroup(ago(7), NOW), "Previous 7 days");
  assert.equal(dateGroup(ago(8), NOW), "Previous 30 days");
  assert.equal(dateGroup(ago(30), NOW), "Previous 30 days");
});

test("older items are grouped by month", () => {
  assert.equal(dateGroup(ago(31), NOW, "en"), "October 2026");
});

test("a time ahead of the local clock counts as today", () => {
  assert.equal(dateGroup(ago(-1, 1), NOW), "Today");
});

test("adjacent items of one day share a group, in order", () => {
  const dates = [ago(0, 9), ago(0, 1), ago(1), ago(40)];

  const groups = groupByDate(dates, (date) => date, NOW, "en");

  assert.deepEqual(
    groups.map(({ label, items }) => [label, items.length]),
    [["Today", 2], ["Yesterday", 1], ["October 2026", 1]],
  );
  assert.deepEqual(groups.flatMap(({ items }) => items), dates);
});

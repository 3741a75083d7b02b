import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axisTicks, escapeMarkup, formatSeconds, formatTick } from './markup.ts';
import { viewRunPage } from './run-page-view.ts';
import { RUN } from './run-page.fixture.ts';
import { drawRun } from './run-picture-view.ts';

const page = viewRunPage(RUN);

/** Every element that is opened is closed, in order; `svg` parts that close themselves and HTML's void elements aside. */
function checkNesting(markup: string): void {
  const open: string[] = [];
  const text = markup.replace(/<script>.*?<\/script>/s, '').replace(/<style>.*?<\/style>/gs, '');
  for (const [, closing, name, , selfClosing] of text.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:\s[^<>]*?)?)(\/?)>/g)) {
    if (closing) assert.equal(open.pop(), name);
    else if (!selfClosing && name !== 'meta') open.push(name!);
  }
  assert.deepEqual(open, []);
}

test('the page of a run is whole: each machine, fault and capture is in it, and every element is closed', () => {
  checkNesting(page.replace('<!doctype html>', ''));
  for (const expected of [
    'machine-1',
    'machine-2',
    'bad-checksum',
    'captures/uplink1.pcap',
    'DISCOVER from 52:54:00:00:01:01',
    '1 of 3 decoded',
  ])
    assert.ok(page.includes(expected), expected);
  assert.ok(page.includes('waited 65 minutes for machine-2 to appear'));
  assert.ok(page.includes('not as it should be'));
});

test('it needs nothing from elsewhere, whatever reads it', () => {
  assert.doesNotMatch(page, /(?:src|href)="(?:https?:)?\/\//);
  assert.doesNotMatch(page, /@import|url\(|<link|<iframe|fetch\(/);
  assert.match(page, /prefers-color-scheme:dark/);
  assert.match(page, /name="viewport"/);
});

test('what machines say is text, never markup', () => {
  assert.doesNotMatch(page, /<img/);
  assert.equal(page.match(/<script>/g)?.length, 1);
  assert.ok(page.includes('&lt;/pre&gt;&lt;script&gt;alert(2)'));
  assert.ok(!page.includes('\u0007'));
  assert.equal(escapeMarkup(`<a href="x" title='y'>&`), '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;');
});

test('every mark of a timeline leads to its event, with the evidence', () => {
  const links = [...page.matchAll(/<a href="#(machine-\d+-\d+)">/g)].map(([, id]) => id!);
  assert.ok(links.length >= 5);
  for (const id of links) assert.ok(page.includes(`<tr id="${id}"`), `${id} has no row`);
  assert.ok(page.includes('{&quot;xid&quot;:7}'));
});

test('lanes: a failed state is red, a transfer has its length, power has a gap', () => {
  assert.match(page, /<title>deploy failed: 30 s, from 45 s<\/title><rect class="failed"/);
  const bar = /class="bar" x="[\d.]+" y="[\d.]+" width="([\d.]+)"/.exec(page);
  // 4 of 90 s on 972 units.
  assert.ok(Math.abs(Number(bar![1]) - 43.2) < 0.2);
  assert.equal(page.match(/<rect class="power"/g)?.length, 2);
});

test('a fault has its moment in the lanes', () => {
  assert.match(page, /<title>46 s bad-checksum: machine-1: deploy failed<\/title><circle class="fault"/);
});

test('the picture stands alone, with colours for both schemes', () => {
  const picture = drawRun(RUN, 'file');
  checkNesting(picture);
  assert.match(picture, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  assert.match(picture, /prefers-color-scheme:dark/);
  assert.match(picture, /<rect class="fault"/);
  assert.ok(picture.length < 12_000);
  // Nothing happened at all: still a picture.
  checkNesting(drawRun({ ...RUN, machines: RUN.machines.slice(1) }, 'file'));
});

test('times are short to read, and an axis has round marks', () => {
  assert.deepEqual([400, 9_900, 61_000, 3_725_000].map(formatSeconds), ['0.4 s', '9.9 s', '61 s', '62 min 05 s']);
  assert.deepEqual([0, 45_000, 60_000, 135_000, 3_600_000].map(formatTick), ['0 s', '45 s', '1:00', '2:15', '60:00']);
  assert.deepEqual(axisTicks(60_000, 600, 70), [0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
  assert.equal(axisTicks(1_000_000_000, 600, 70)[1], 14_400_000);
});

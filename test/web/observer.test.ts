// The observer's page in a real browser, over a real server: what it shows is what is in the log,
// what it calls proved is proved, and what strangers wrote into a session stays text.

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { SessionId } from "../../src/base/index.ts";
import { closeWorkers } from "../../src/runtime/index.ts";
import { type Served, serve } from "../server/serving.ts";
import { writeSample } from "../session/sample-session.ts";
import { browserPath, openPage, startBrowser } from "./real-browser.ts";

if (browserPath === undefined) {
  console.warn(
    "no browser on this machine: the observer's page is not tested in one (REACH_BROWSER)",
  );
}

describe.skipIf(browserPath === undefined)("the observer's page in a browser", () => {
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await closeWorkers();
  });
  afterEach(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });

  async function open(served: Served, hash = "#/"): Promise<void> {
    ({ page, complaints } = await openPage(browser));
    await page.goto(`${served.url}/ui${hash}`);
  }

  async function sample(events: number): Promise<{ served: Served; id: SessionId }> {
    const served = await serve();
    return { served, id: await writeSample(served.directory, events) };
  }

  const row = (seq: number) =>
    page.locator(".scroll tr", { has: page.getByText(`${seq}`, { exact: true }) }).first();

  it("goes from the list to an event, its data, and the ones around it", async () => {
    const { served, id } = await sample(2500);
    // What the server has not written itself it lists after a start.
    await served.restart();
    await open(served);
    await page.getByRole("link", { name: id }).click();
    await row(0).waitFor();
    await row(2).click();
    const data = page.locator(".event");
    await data.getByText("sample/bytes").waitFor();
    await page.keyboard.press("ArrowDown");
    // Event 3 has a payload above 4 KiB, which is fetched and checked.
    await data.getByText(/6\.\d\d kB,/).waitFor();
    await data.getByText("0.5").waitFor();
    expect(page.url()).toContain(`#/session/${id}/3`);
    await page.getByRole("spinbutton", { name: "Event" }).fill("2104");
    await page.getByRole("spinbutton", { name: "Event" }).press("Enter");
    await data.getByText("2023-11-14 22:13:41.040").waitFor();
    expect(await page.locator(".scroll tr").count()).toBe(500);
    await data.getByRole("button", { name: "2103" }).click();
    await data.getByText("2023-11-14 22:13:41.030").waitFor();
    await page.goBack();
    await data.getByText("2023-11-14 22:13:41.040").waitFor();
  });

  it("filters by kind and type", async () => {
    const { served, id } = await sample(2500);
    await open(served, `#/session/${id}`);
    await page.locator(".events select").selectOption("result");
    await page.locator(".events input").fill("sample/j*");
    await page.locator(".events input").press("Enter");
    await expect.poll(() => page.locator(".scroll tr").count()).toBe(167);
    await row(4).waitFor();
  });

  it("shows the state after an event, and what the event changed in it", async () => {
    const { served, id } = await sample(30);
    await open(served, `#/session/${id}/9/state`);
    const state = page.locator(".state");
    await state.getByText("transcript 1").waitFor();
    const change = state.locator(".changes tr", { hasText: "$.events" }).first();
    expect(await change.locator("td").allInnerTexts()).toEqual(["$.events", "9", "10"]);
  });

  it("follows a session that grows, and stops where it ends", async () => {
    const served = await serve();
    const begun = await served.post("/v1/sessions", {
      name: "growing",
      events: [{ type: "message", data: { text: "first of all" } }],
    });
    const { id } = (await begun.json()) as { id: SessionId };
    await open(served, `#/session/${id}`);
    await page.getByText("first of all").waitFor();
    await page.getByLabel("Follow").check();
    await page.getByText("up to date").waitFor();
    for (let n = 0; n < 3; n++) {
      const event = { type: "message", data: { text: `and then number ${n}` } };
      await served.post(`/v1/sessions/${id}/events`, [event]);
      await page.getByText(`and then number ${n}`).waitFor();
    }
    expect(await page.locator(".scroll tr").count()).toBe(4);
  });

  it("follows only what was chosen", async () => {
    const served = await serve();
    const events = [
      { type: "message", data: { text: "said" } },
      { type: "noise", data: "hum" },
    ];
    const begun = await served.post("/v1/sessions", { name: "chosen", events });
    const { id } = (await begun.json()) as { id: SessionId };
    await open(served, `#/session/${id}`);
    await page.locator(".events input").fill("noi*");
    await page.locator(".events input").press("Enter");
    await page.getByLabel("Follow").check();
    await page.getByText("up to date").waitFor();
    await served.post(`/v1/sessions/${id}/events`, [
      { type: "message", data: { text: "said again" } },
      { type: "noise", data: "buzz" },
    ]);
    await page.getByText("buzz").waitFor();
    expect(await page.locator(".scroll tr").count()).toBe(2);
    expect(await page.getByText("said").count()).toBe(0);
  });

  it("shows no proof of one event as that of another", async () => {
    const { served, id } = await sample(300);
    await open(served, `#/session/${id}/17/proof`);
    await page.getByText("Event 17 is in the log that was signed.").waitFor();
    await page.route(/\/proof|inclusion/, () => {});
    await page.evaluate(() => {
      const seen: string[] = [];
      Object.assign(globalThis, { seen });
      const look = (): unknown => seen.push(document.querySelector(".proof")?.textContent ?? "");
      const all = { subtree: true, childList: true, characterData: true };
      new MutationObserver(look).observe(document, all);
    });
    await page.keyboard.press("ArrowDown");
    await page.getByText("working it out").waitFor();
    const seen = await page.evaluate(() => Reflect.get(globalThis, "seen") as string[]);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((text) => text.includes("Event 18 is in"))).toEqual([]);
  });

  it("shows a list that takes longer than it is shown for", async () => {
    const { served, id } = await sample(20);
    await served.restart();
    ({ page, complaints } = await openPage(browser));
    await page.route(/\/v1\/sessions/, async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 4000));
      await route.continue().catch(() => {});
    });
    await page.goto(`${served.url}/ui`);
    await page.getByRole("link", { name: id }).waitFor();
  });

  it("keeps what it knows, and a verdict, when one look fails", async () => {
    const { served, id } = await sample(300);
    await open(served, `#/session/${id}/17`);
    await page.getByRole("button", { name: "Verify all of it here" }).click();
    await page.getByText(/intact, complete · 300 events/).waitFor();
    await page.route(new RegExp(`/v1/sessions/${id}$`), (route) => {
      return route.fulfill({ status: 500, json: { code: "INTERNAL", detail: "a bad moment" } });
    });
    await page.locator(".failure").waitFor();
    expect(await page.getByText(/intact, complete · 300 events/).count()).toBe(1);
  });

  it("says that there is no such event", async () => {
    const { served, id } = await sample(20);
    await open(served, `#/session/${id}/700`);
    await page.getByText("Event 700 is withheld, or not there yet.").waitFor();
  });

  it("proves an event, and verifies all of the session", async () => {
    const { served, id } = await sample(300);
    await open(served, `#/session/${id}/17/proof`);
    await page.getByText("Event 17 is in the log that was signed.").waitFor();
    await page.getByRole("button", { name: "Verify all of it here" }).click();
    await page.getByText(/intact, complete · 300 events/).waitFor();
  });

  it("remembers the key that somebody trusts, and points out another one", async () => {
    const { served, id } = await sample(20);
    await open(served, `#/session/${id}/3/proof`);
    await page.getByRole("button", { name: "I have compared it: trust this key" }).click();
    await page.getByText("It is the key that you trust.").waitFor();
    await page.reload();
    await page.getByText("It is the key that you trust.").waitFor();
    await page.route(/\/v1$/, async (route) => {
      const answer = await route.fetch();
      const about = (await answer.json()) as Record<string, unknown>;
      about["verifierKey"] = "reach.local+5ab3c1d2+AUV8hbQQdcdDDjIjhD4jGYDW/mH/YVEZw3HfFV86kwak";
      await route.fulfill({ response: answer, json: about });
    });
    await page.reload();
    const alarm = page.getByText("This server signs with another key");
    await alarm.waitFor();
    await page.getByRole("button", { name: "Trust the old key no longer" }).click();
    await alarm.waitFor({ state: "detached" });
  });

  it("shows what comes into a window that is not full, also when it is not followed", async () => {
    const served = await serve();
    const begun = await served.post("/v1/sessions", { events: [{ type: "message", data: "one" }] });
    const { id } = (await begun.json()) as { id: SessionId };
    await open(served, `#/session/${id}`);
    await row(0).waitFor();
    await served.post(`/v1/sessions/${id}/events`, [{ type: "message", data: "and the other" }]);
    await page.getByText("and the other").waitFor();
  });

  it("calls nothing good that was signed by another key than the trusted one", async () => {
    const { served, id } = await sample(20);
    await open(served, `#/session/${id}/3/proof`);
    await page.locator(".proof .verdict.good").first().waitFor();
    await page.evaluate(() => {
      const other = "reach.local+5ab3c1d2+AUV8hbQQdcdDDjIjhD4jGYDW/mH/YVEZw3HfFV86kwak";
      localStorage.setItem("reach-key", other);
    });
    await page.reload();
    await page.getByText("is in the log that was signed").waitFor();
    expect(await page.locator(".verdict.good").count()).toBe(0);
    await page.getByRole("button", { name: "Verify all of it here" }).click();
    await page.locator(".check .verdict, .check .failure").waitFor();
    expect(await page.locator(".verdict.good").count()).toBe(0);
  });

  it("does not take from whoever reads further up what they read", async () => {
    const served = await serve();
    const event = (n: number): object => ({ type: "message", data: { text: `line ${n}` } });
    const events = Array.from({ length: 200 }, (_, n) => event(n));
    const begun = await served.post("/v1/sessions", { name: "long", events });
    const { id } = (await begun.json()) as { id: SessionId };
    await open(served, `#/session/${id}`);
    await page.getByLabel("Follow").check();
    await page.getByText("up to date").waitFor();
    const scrolled = (): Promise<number> =>
      page
        .locator(".scroll")
        .evaluate((list) => (list as unknown as { scrollTop: number }).scrollTop);
    await expect.poll(scrolled).toBeGreaterThan(1000);
    await page.locator(".scroll").hover();
    await page.mouse.wheel(0, -100_000);
    await expect.poll(scrolled).toBe(0);
    await served.post(`/v1/sessions/${id}/events`, [event(200)]);
    await expect.poll(() => page.locator(".scroll tr").count()).toBe(201);
    expect(await scrolled()).toBe(0);
    await page.getByRole("button", { name: "↓ latest" }).click();
    await expect.poll(scrolled).toBeGreaterThan(1000);
    await served.post(`/v1/sessions/${id}/events`, [event(201)]);
    await page.getByText("line 201").waitFor();
  });

  it("leaves alone what somebody is writing while the page goes on", async () => {
    const { served, id } = await sample(30);
    await open(served, `#/session/${id}`);
    const type = page.locator(".events input");
    await type.pressSequentially("sample/", { delay: 350 });
    await type.pressSequentially("json", { delay: 350 });
    expect(await type.inputValue()).toBe("sample/json");
    await type.press("Enter");
    await expect.poll(() => page.locator(".scroll tr").count()).toBe(10);
  });

  it("proves nothing of an event, or a session, that was changed on the way", async () => {
    const { served, id } = await sample(300);
    ({ page, complaints } = await openPage(browser));
    await page.route(/\/events\?after=15/, async (route) => {
      const answer = await route.fetch();
      const body = await answer.body();
      body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
      await route.fulfill({ response: answer, body });
    });
    await page.route(/\/bundle/, async (route) => {
      const answer = await route.fetch();
      const body = await answer.body();
      const middle = body.length >> 1;
      body[middle] = (body[middle] ?? 0) ^ 1;
      await route.fulfill({ response: answer, body });
    });
    await page.goto(`${served.url}/ui#/session/${id}/16/proof`);
    await page.getByText("Not proved:").waitFor();
    await page.getByRole("button", { name: "Verify all of it here" }).click();
    await page.locator(".check .bad, .check .failure").waitFor();
    expect(await page.locator(".check").innerText()).not.toContain("intact, complete");
  });

  it("wants a token where the server does, and keeps it out of addresses", async () => {
    const { served, id } = await sample(5);
    const token = await served.token(["sessions:read"]);
    await open(served, `#/session/${id}`);
    await page.getByLabel(/This server wants a token/).fill("wrong");
    await page.getByRole("button", { name: "Look" }).click();
    const refused = page.getByText("This token is none that may read here.");
    await refused.waitFor();
    // One that only records, and one that no header can hold: the next one can be given.
    for (const useless of [await served.token(["sessions:append"]), "…wörk"]) {
      await page.getByLabel(/This server wants a token/).fill(useless);
      await page.getByRole("button", { name: "Look" }).click();
      await refused.waitFor();
      await page.reload();
      await refused.waitFor();
    }
    await page.getByLabel(/This server wants a token/).fill(token);
    await page.getByRole("button", { name: "Look" }).click();
    await row(0).waitFor();
    await page.getByRole("button", { name: "Verify all of it here" }).click();
    await page.getByText(/intact, complete/).waitFor();
    expect(page.url()).not.toContain(token);
    await page.getByRole("button", { name: "Forget the token" }).click();
    await page.getByLabel(/This server wants a token/).waitFor();
  });

  it("shows what strangers wrote as text, wherever it stands", async () => {
    const served = await serve();
    const take = "document.title='taken'";
    const hostile = `<img src=x onerror="${take}"><script>${take}</script>`;
    const begun = await served.post("/v1/sessions", {
      name: hostile,
      events: [
        { type: hostile, data: { [hostile]: hostile, text: hostile } },
        { type: "javascript:alert(1)", data: "javascript:alert(1)" },
      ],
    });
    const { id } = (await begun.json()) as { id: SessionId };
    await open(served);
    await page.getByText(hostile).first().waitFor();
    for (const pane of ["", "/state", "/proof"]) {
      await page.goto(`${served.url}/ui#/session/${id}/0${pane}`);
      await page.locator(".aside dl").waitFor();
    }
    expect(await page.locator("img, #page script").count()).toBe(0);
    expect(await page.title()).toBe("Reach");
  });

  it("says what is wrong where there is no such session", async () => {
    const served = await serve();
    await open(served, "#/session/01a22f38-f200-71d2-ab50-8c7a81b14932");
    await page.getByText("NOT_FOUND").first().waitFor();
  });
});

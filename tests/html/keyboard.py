#!/usr/bin/env python3
"""The HTML report for who has no mouse or sees no picture: real keys pressed, and the tree that a screen reader is given.

Usage: keyboard.py PAGE. Speaks Chromium's DevTools protocol over a pipe, so that nothing listens anywhere.
"""
import json
import os
import subprocess
import sys
import tempfile


class Browser:
    """A headless Chromium with one page."""

    def __init__(self, page, width):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self.to = os.pipe()
        self.back, to_write = os.pipe()
        # It reads from 3 and writes to 4.
        command = (
            "chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
            "--disable-background-networking --disable-component-update --disable-sync --remote-debugging-pipe "
            f"--user-data-dir='{self.folder.name}' --window-size={width},900 about:blank "
            f"3<&{to_read} 4>&{to_write} 2>/dev/null"
        )
        self.process = subprocess.Popen(["bash", "-c", f"exec {command}"], pass_fds=(to_read, to_write))
        os.close(to_read)
        os.close(to_write)
        self.rest, self.number, self.events = b"", 0, []
        target = self.call("Target.createTarget", {"url": "about:blank"}, None)["targetId"]
        attach = {"targetId": target, "flatten": True}
        self.session = self.call("Target.attachToTarget", attach, None)["sessionId"]
        self.call("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
        self.call("Page.enable")
        self.call("Page.navigate", {"url": page})
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.take()
        self.call("Accessibility.enable")

    def take(self):
        """The next message: events are kept, answers given back."""
        while b"\0" not in self.rest:
            some = os.read(self.back, 1 << 16)
            if not some:
                sys.exit("FAILED: the browser ended")
            self.rest += some
        text, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(text)
        if "id" not in message:
            self.events.append(message)
        return message

    def call(self, method, parameters=None, session=...):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters or {}}
        session = self.session if session is ... else session
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.take()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"FAILED: {method}: {answer['error']}")
                return answer["result"]

    def ask(self, expression):
        found = self.call("Runtime.evaluate", {"expression": expression, "returnByValue": True})
        if "exceptionDetails" in found:
            sys.exit(f"FAILED: {expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def press(self, key, text=None):
        codes = {"Tab": 9, "Enter": 13, "ArrowDown": 40, " ": 32}
        code = codes.get(key) or ord(key.upper())
        event = {"key": key, "windowsVirtualKeyCode": code, "nativeVirtualKeyCode": code}
        text = text or {"Enter": "\r", " ": " "}.get(key) or (key if len(key) == 1 else None)
        self.call("Input.dispatchKeyEvent", {"type": "keyDown", **event, **({"text": text} if text else {})})
        self.call("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def tree(self):
        """What a screen reader is given: role and name of each thing, in order, and where each stands."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        by_id = {node["nodeId"]: node for node in nodes}
        found = []

        def walk(node, above):
            role = node.get("role", {}).get("value", "")
            name = node.get("name", {}).get("value", "")
            seen = not node.get("ignored")
            if seen:
                found.append((role, name, above))
            for child in node.get("childIds", []):
                if child in by_id:
                    walk(by_id[child], above + (role,) if seen else above)

        walk(nodes[0], ())
        return found

    def end(self):
        self.process.kill()
        self.process.wait()


def holds(what, found, expected):
    if found != expected:
        sys.exit(f"FAILED: {what}: {found!r}, expected {expected!r}")
    print(f"ok: {what}")


def must(what, is_so, found=""):
    if not is_so:
        sys.exit(f"FAILED: {what}: {found!r}")
    print(f"ok: {what}")


def structure(browser, where):
    """The page's tree: landmarks, headings, a table that is one, names for all that can be used."""
    tree = browser.tree()
    roles = [role for role, _, _ in tree]
    for landmark in ("banner", "main", "search", "article"):
        holds(f"{where}: one {landmark}", roles.count(landmark), 1)
    tables = [name for role, name, _ in tree if role == "table"]
    holds(f"{where}: one table, with its caption", tables, ["Keys, where each stands, how long it was exposed"])
    columns = [name for role, name, _ in tree if role == "columnheader"]
    holds(f"{where}: its columns have headers", columns[:3], ["Key", "Now", "Exposed (UTC)"])
    must(f"{where}: the picture's column says what it is", "logarithmic" in columns[3], columns)
    keys = browser.ask("document.querySelectorAll('tr[data-section]').length")
    groups = browser.ask("document.querySelectorAll('tr.group').length")
    rows = [above for role, _, above in tree if role == "row"]
    holds(f"{where}: a row for each key, each group, and the headers", len(rows), keys + groups + 1)
    must(f"{where}: in the table", all("table" in above for above in rows))
    heads = [name for role, name, _ in tree if role == "rowheader"]
    holds(f"{where}: each has a header", len(heads), keys + groups)
    cells = [role for role, _, above in tree if role in ("cell", "gridcell") and "table" in above]
    holds(f"{where}: and three cells for a key", len(cells), 3 * keys)
    lanes = [name for role, name, _ in tree if role in ("image", "img") and ": exposed " in name]
    holds(f"{where}: each lane is told in words", len(lanes), keys)
    usable = ("textbox", "searchbox", "combobox", "checkbox", "link", "button")
    nameless = [role for role, name, _ in tree if role in usable and not name.strip()]
    holds(f"{where}: nothing that can be used is without a name", nameless, [])
    levels = browser.ask("[...document.querySelectorAll('h1,h2,h3,h4')].map(it => +it.tagName[1])")
    must(f"{where}: headings leave no level out", levels[0] == 1 and levels.count(1) == 1
         and all(after <= before + 1 for before, after in zip(levels, levels[1:])), levels)


def keys_alone(browser):
    """What can be done is done by keys, and one sees where one is."""
    def focus():
        return browser.ask("document.activeElement.id || document.activeElement.getAttribute('href')"
                           " || document.activeElement.type || document.activeElement.tagName")

    ring = ("(() => { const it = getComputedStyle(document.activeElement);"
            " return it.outlineStyle !== 'none' && parseFloat(it.outlineWidth) >= 2; })()")
    order = []
    for _ in range(5):
        browser.press("Tab")
        order.append(focus())
        must(f"{order[-1]} shows that it has the focus", browser.ask(ring))
    holds("Tab goes to the filters, and then to the keys", order,
          ["search", "environment", "standing", "order", "#key-1"])
    browser.press("Enter")
    holds("a key's link leads to its part of the checklist", browser.ask("location.hash"), "#key-1")
    browser.press("Tab")
    must("and from there Tab goes on inside it",
         browser.ask("document.activeElement.closest('#key-1') !== null"), focus())
    while focus() != "checkbox":
        browser.press("Tab")
    must("a box shows that it has the focus", browser.ask(ring))
    browser.press(" ")
    holds("a box is ticked by the space bar", browser.ask("document.activeElement.checked"), True)
    total = browser.ask("document.querySelectorAll('tr[data-section]').length")
    shown = "[...document.querySelectorAll('tr[data-section]')].filter(row => !row.hidden).length"
    browser.ask("document.getElementById('search').focus()")
    for letter in "keyless":
        browser.press(letter)
    must("what is typed filters", 0 < browser.ask(shown) < total, browser.ask(shown))
    status = [name for role, name, _ in browser.tree() if role == "status"]
    must("and the number is in a live region", status and browser.ask(
        "document.getElementById('shown').textContent") == f"{browser.ask(shown)} of {total} shown", status)
    browser.ask("(() => { const it = document.getElementById('search'); it.value = '';"
                " it.dispatchEvent(new Event('input', {bubbles: true})); })()")
    browser.press("Tab")
    browser.press("ArrowDown")
    holds("a list is set by an arrow key", browser.ask("document.getElementById('environment').value"), "live")
    must("and filters", 0 < browser.ask(shown) < total, browser.ask(shown))


page = "file://" + os.path.abspath(sys.argv[1])
for width, where in ((1280, "wide"), (400, "narrow")):
    browser = Browser(page, width)
    structure(browser, where)
    if width == 1280:
        keys_alone(browser)
    browser.end()

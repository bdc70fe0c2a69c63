/* sandbox_http.c - the page holds no inline script or style, so it lives under the
 * strictest Content-Security-Policy; its script is a file of its own. The intent id
 * needs no escaping once sandbox_read took it: it is base64url. */
#include "pay/sandbox_http.h"

static const Field confirm_fields[] = {
    NAME(SandboxConfirm, outcome, &sandbox_outcomes, 0, "what the provider shall say"),
};
const Shape sandbox_confirm_shape = { "SandboxConfirm", sizeof(SandboxConfirm),
                                      confirm_fields, countof(confirm_fields) };

static const Field confirmed_fields[] = {
    TEXT(SandboxConfirmed, intentId, 1, 255, 0, "the intent"),
    NAME(SandboxConfirmed, status, &sandbox_outcomes, 0, "what the provider said"),
};
const Shape sandbox_confirmed_shape = { "SandboxConfirmed", sizeof(SandboxConfirmed),
                                        confirmed_fields, countof(confirmed_fields) };

bool sandbox_confirm(Ctx *cx, Req *rq)
{
    SandboxConfirm in;
    SandboxConfirmed out = { .intentId = req_param(rq, "intentId") };

    if (!req_read(cx, rq, &sandbox_confirm_shape, &in)
        || !sandbox_decide(cx, out.intentId, (SandboxOutcome)in.outcome))
        return false;
    out.status = in.outcome;
    return reply(cx, rq, 200, &sandbox_confirmed_shape, &out);
}

bool sandbox_page(Ctx *cx, Req *rq)
{
    Str id = req_param(rq, "intentId");
    SandboxIntent in;
    Buf b = buf_in(cx->mem, 2048);

    if (!sandbox_read(cx, id, &in))
        return false;
    buf_lit(&b, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<title>Sandbox payment</title>\n<link rel=\"icon\" href=\"data:,\">\n"
                "<link rel=\"stylesheet\" href=\"/style.css\">\n"
                "<script src=\"/pay/sandbox.js\" defer></script>\n"
                "<header><h1>Sandbox <span>payment</span></h1>\n"
                "<p class=\"lead\">No money moves here. Decide what the payment provider "
                "says.</p></header>\n<main>\n");
    buf_fmt(&b, "<p>To pay: <strong id=\"amount\" data-minor=\"%jd\" "
                "data-currency=\"%s\">%jd minor units of %s</strong></p>\n",
            (intmax_t)in.amount, in.currency, (intmax_t)in.amount, in.currency);
    buf_fmt(&b, "<p>Order <code>%.*s</code></p>\n",
            STR_ARGS(uuid_str(cx->mem, in.order.v)));
    buf_fmt(&b, "<p id=\"choice\" data-intent=\"%.*s\">\n", STR_ARGS(id));
    buf_lit(&b, "<button type=\"button\" class=\"first\" value=\"succeeded\">Payment "
                "succeeds</button>\n"
                "<button type=\"button\" value=\"failed\">Payment fails</button>\n</p>\n"
                "<p id=\"result\" role=\"status\"></p>\n"
                "<noscript><p>This page needs JavaScript.</p></noscript>\n</main>\n</html>\n");
    return reply_text(rq, 200, S("text/html; charset=utf-8"), buf_str(&b));
}

/* How many digits a currency has is what the browser knows best. */
static const char script[] =
    "'use strict';\n"
    "const amount = document.getElementById('amount');\n"
    "const choice = document.getElementById('choice');\n"
    "const result = document.getElementById('result');\n"
    "const money = new Intl.NumberFormat(undefined,\n"
    "  { style: 'currency', currency: amount.dataset.currency });\n"
    "const digits = money.resolvedOptions().maximumFractionDigits;\n"
    "amount.textContent = money.format(Number(amount.dataset.minor) / 10 ** digits);\n"
    "\n"
    "async function decide(outcome) {\n"
    "  const url = '/api/v1/payments/sandbox/' + choice.dataset.intent + '/confirm';\n"
    "  const answer = await fetch(url, {\n"
    "    method: 'POST',\n"
    "    headers: { 'Content-Type': 'application/json' },\n"
    "    body: JSON.stringify({ outcome })\n"
    "  });\n"
    "  const body = await answer.json();\n"
    "  return answer.ok ? 'The payment ' + body.status + '. You may close this page.'\n"
    "                   : (body.title || body.code || 'That did not work.');\n"
    "}\n"
    "\n"
    "choice.addEventListener('click', async (event) => {\n"
    "  if (event.target.tagName !== 'BUTTON') return;\n"
    "  result.textContent = 'One moment...';\n"
    "  try {\n"
    "    result.textContent = await decide(event.target.value);\n"
    "  } catch {\n"
    "    result.textContent = 'The server could not be reached; try again.';\n"
    "  }\n"
    "});\n";

bool sandbox_script(Ctx *cx, Req *rq)
{
    (void)cx;
    return reply_text(rq, 200, S("text/javascript; charset=utf-8"), S(script));
}

/* routes.c - the one table. A row is: method, path, who may, largest body (0: the
 * server's), shape in, status, shape out, handler, what it is, tag, one sentence. */
#include "web/routes.h"
#include "events/event_http.h"
#include "events/venue_http.h"
#include "identity/guard.h"
#include "pay/sandbox_http.h"
#include "web/health.h"
#include "web/openapi.h"
#include "web/pages.h"

#define API "/api/v1"

static const Route table[] = {
/* ---- events ------------------------------------------------------------------------------ */
{ M_POST, API "/venues", ORGANISER, 0, &venue_in_shape, 201, &venue_reply_shape, venue_create, ONCE_MAY, "venues", "Opens a venue." },
{ M_GET,  API "/venues", OPEN, 0, NULL, 200, &venue_shape, venue_index, LISTED, "venues", "Lists venues." },
{ M_GET,  API "/venues/:id", OPEN, 0, NULL, 200, &venue_reply_shape, venue_show, 0, "venues", "Shows a venue." },
{ M_PUT,  API "/venues/:id", ORGANISER, 0, &venue_change_shape, 200, &venue_reply_shape, venue_update, 0, "venues", "Changes a venue." },
{ M_POST, API "/venues/:id/staff", ORGANISER, 0, &staff_in_shape, 201, &staff_reply_shape, staff_create, ONCE_MAY, "venues", "Gives a person a role at a venue." },
{ M_GET,  API "/venues/:id/staff", ORGANISER, 0, NULL, 200, &staff_shape, staff_index, LISTED, "venues", "Lists who works at a venue." },
{ M_DELETE, API "/venues/:id/staff/:personId", ORGANISER, 0, NULL, 204, NULL, staff_remove, 0, "venues", "Takes a role at a venue back." },
{ M_POST, API "/events", ORGANISER, 0, &event_in_shape, 201, &event_reply_shape, event_create, ONCE_MAY, "events", "Drafts an event." },
{ M_GET,  API "/events", OPEN, 0, NULL, 200, &event_shape, event_index, LISTED, "events", "Lists events." },
{ M_GET,  API "/events/:id", OPEN, 0, NULL, 200, &event_reply_shape, event_show, 0, "events", "Shows an event." },
{ M_PUT,  API "/events/:id", ORGANISER, 0, &event_change_shape, 200, &event_reply_shape, event_update, 0, "events", "Changes an event." },
{ M_DELETE, API "/events/:id", ORGANISER, 0, NULL, 204, NULL, event_remove, 0, "events", "Deletes a draft." },
{ M_POST, API "/events/:id/publish", ORGANISER, 0, NULL, 200, &event_reply_shape, event_publish, 0, "events", "Publishes an event." },
{ M_POST, API "/events/:id/transitions", ORGANISER, 0, &event_do_shape, 200, &event_reply_shape, event_transition, 0, "events", "Moves an event to another state." },
{ M_POST, API "/events/:id/cancel", ORGANISER, 0, &event_cancel_shape, 200, &event_reply_shape, event_cancel, 0, "events", "Cancels an event." },
{ M_GET,  API "/events/:id/content", OPEN, 0, NULL, 200, NULL, content_show, 0, "events", "Shows gallery, lineup and schedule." },
{ M_PUT,  API "/events/:id/content", ORGANISER, 0, NULL, 200, NULL, content_update, 0, "events", "Replaces gallery, lineup and schedule." },
/* ---- payments ---------------------------------------------------------------------------- */
{ M_POST, API "/payments/sandbox/:intentId/confirm", OPEN, 0, &sandbox_confirm_shape, 200, &sandbox_confirmed_shape, sandbox_confirm, 0, "payments", "Decides what the sandbox provider says." },
{ M_GET,  "/pay/sandbox/:intentId", OPEN, 0, NULL, 200, NULL, sandbox_page, PAGE, "payments", "The sandbox provider's page." },
{ M_GET,  "/pay/sandbox.js", OPEN, 0, NULL, 200, NULL, sandbox_script, PAGE, "payments", "The script of the sandbox's page." },
/* ---- operators and browsers --------------------------------------------------------------- */
{ M_GET,  "/health", OPEN, 0, NULL, 200, &health_shape, health_show, INLINE, "operations", "Says that the server is alive." },
{ M_GET,  "/health/live", OPEN, 0, NULL, 200, &health_shape, health_show, INLINE, "operations", "The same." },
{ M_GET,  "/health/ready", OPEN, 0, NULL, 200, &health_shape, health_ready, 0, "operations", "Says whether work can be taken." },
{ M_GET,  "/openapi.json", OPEN, 0, NULL, 200, NULL, openapi_show, 0, "operations", "This description of the API." },
{ M_GET,  "/", OPEN, 0, NULL, 200, NULL, page_start, PAGE, "pages", "The start page." },
{ M_GET,  "/index.js", OPEN, 0, NULL, 200, NULL, page_start_script, PAGE, "pages", "Its script." },
{ M_GET,  "/style.css", OPEN, 0, NULL, 200, NULL, page_style, PAGE, "pages", "How pages look." },
{ M_GET,  "/docs", OPEN, 0, NULL, 200, NULL, page_docs, PAGE, "pages", "The API for people." },
{ M_GET,  "/docs.js", OPEN, 0, NULL, 200, NULL, page_docs_script, PAGE, "pages", "Its script." },
{ M_GET,  "/problems/:code", OPEN, 0, NULL, 200, NULL, page_problem, PAGE, "pages", "What a problem's code means." },
{ M_GET,  "/mail", OPEN, 0, NULL, 200, NULL, page_letters, PAGE, "pages", "Letters that were sent, in development." },
{ M_GET,  "/mail/:name", OPEN, 0, NULL, 200, NULL, page_letter, PAGE, "pages", "One letter, in development." },
{ M_POST, "/internal/test/clock", OPEN, 0, &clock_move_shape, 200, &clock_now_shape, clock_advance, TESTONLY, "testing", "Moves the calendar ahead." },
};

const Route *routes_table(Arena *mem, bool test_clock, isize *count)
{
    Route *rows = make(mem, Route, countof(table));
    isize n = 0;

    for (isize i = 0; i < countof(table); i++)
        if (test_clock || (table[i].is & TESTONLY) == 0)
            rows[n++] = table[i];
    *count = n;
    return rows;
}

Str route_access_str(const Route *r)
{
    static const char *const words[] = {
        [OPEN] = "anybody", [SIGNED_IN] = "signed in", [ORGANISER] = "organiser",
        [ADMINS] = "admin", [SIGNED] = "machine" };

    must(r->access < (unsigned)countof(words));
    return str_of(words[r->access]);
}

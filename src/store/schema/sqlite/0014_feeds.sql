-- What organisers watch of their events, sales and gate, can be told again to a stream that
-- comes back: rows about a person's order or ticket, found by the event.
CREATE INDEX outbox_feed ON outbox (tenant, event, id)
    WHERE person IS NOT NULL AND type IN ('order.created', 'order.paid', 'order.completed',
                                          'order.failed', 'order.expired', 'order.refunded',
                                          'ticket.used');

/** Mail that no person wrote at that moment: reports, lists, newsletters, out of office. None of it may reopen work or be answered by a machine. */
import { ben, shop, type Talk } from './talk.ts';

export const machines: readonly Talk[] = [
  {
    box: 'support',
    language: 'en',
    who: ['Gideon Marsh', 'gideon.marsh@marsh-surveyors.example'],
    subject: 'Invoice copy for last year',
    days: 1.5,
    turns: [
      `Hello, could I have copies of all invoices of last year? Our auditor eats paper.`,
      ben(
        `Hello Gideon,

all seven are attached in one file. Bon appétit to the auditor.

Ben`,
        ['invoice.pdf'],
      ),
      {
        by: 'customer',
        auto: 'replied',
        text: `I am away until Monday week, measuring a marsh. In urgent cases write to office@marsh-surveyors.example. In very urgent cases shout.`,
      },
    ],
  },
  {
    box: 'support',
    language: 'en',
    who: ['Mail Delivery Subsystem', 'mailer-daemon@relay.example'],
    subject: 'Undelivered Mail Returned to Sender',
    days: 2.2,
    deliveryStatus: `Reporting-MTA: dns; relay.example
Arrival-Date: Thu, 19 Nov 2026 09:12:44 +0000

Final-Recipient: rfc822; mr.oldaddress@gone.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user here`,
    turns: [
      {
        by: 'customer',
        auto: 'replied',
        text: `This is the mail system at relay.example.

Your message could not be delivered to one or more recipients.

<mr.oldaddress@gone.example>: host mx.gone.example said:
    550 5.1.1 No such user here (in reply to RCPT TO command)`,
      },
    ],
  },
  {
    box: 'support',
    language: 'en',
    who: ['Quayside Carriers', 'noreply@quayside-carriers.example'],
    subject: 'Delivery exception: parcel 00734 refused by seagull',
    days: 0.7,
    turns: [
      {
        by: 'customer',
        auto: 'generated',
        text: `Automatic message. Do not reply.

Parcel      QC-00734
Status      exception
Reason      E-17 (recipient not present; bird present)
Next step   second attempt tomorrow, 08:00-12:00`,
      },
    ],
  },
  {
    box: 'sales',
    language: 'en',
    who: ['The Bookseller Weekly', 'news@bookseller-weekly.example'],
    subject: 'This week: paper prices, prizes, and a pelican',
    days: 1.0,
    fields: {
      'List-Id': 'The Bookseller Weekly <weekly.bookseller-weekly.example>',
      'List-Unsubscribe': '<https://bookseller-weekly.example/leave?u=3391>, <mailto:leave@bookseller-weekly.example>',
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      Precedence: 'bulk',
    },
    turns: [
      {
        by: 'customer',
        text: `THE BOOKSELLER WEEKLY

* Paper prices up four per cent
* Shortlist of the Sandbank Prize announced
* Pelican removed from reading room in Port Anselm, "returned twice"

Read on: https://bookseller-weekly.example/47
Leave this list: https://bookseller-weekly.example/leave?u=3391`,
        html: `<!doctype html><html><body style="font-family:serif;max-width:40em">
<h1>The Bookseller Weekly</h1>
<ul><li><a href="https://bookseller-weekly.example/47/paper">Paper prices</a> up <b>four per cent</b></li>
<li>Shortlist of the <a href="https://bookseller-weekly.example/47/prize">Sandbank Prize</a> announced</li>
<li><a href="https://bookseller-weekly.example/47/pelican">Pelican removed</a> from reading room in Port Anselm, <i>returned twice</i></li></ul>
<table><tr><th>Title</th><th>Copies</th></tr><tr><td>The Lighthouse Mice</td><td>12,400</td></tr><tr><td>Bryophyte I</td><td>3</td></tr></table>
<img src="https://track.bookseller-weekly.example/open.gif?u=3391" width="1" height="1" alt="">
<p><small><a href="https://bookseller-weekly.example/leave?u=3391">Leave this list</a></small></p></body></html>`,
      },
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Ignatius Bell', 'ignatius@bell-antiquarian.example'],
    subject: '[indie-books] Who still repairs bindings in the north?',
    days: 1.6,
    fields: {
      'List-Id': 'Independent booksellers <indie-books.lists.example>',
      'List-Post': '<mailto:indie-books@lists.example>',
      'List-Unsubscribe': '<mailto:indie-books-leave@lists.example>',
    },
    cc: ['indie-books@lists.example'],
    turns: [
      `Dear list,

our binder retires to keep bees. Who still works in calf, north of the river, and answers letters?

Ignatius`,
      shop(`Dear Ignatius, Mrs Tolland in Kelpie Lane does, and she answers, though only on Tuesdays.`),
      `Written on Monday, answered on Tuesday, precisely as foretold. Thank you!`,
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Web form', 'form@harbour-shop.example'],
    subject: 'Contact form: "Do you buy used books?"',
    days: 0.5,
    turns: [
      {
        by: 'customer',
        text: `Name: Celeste Ward
Phone: 0555 0142
Topic: Selling
Message: Do you buy used books? I have 300 crime novels. I know who did it in all of them.`,
        html: `<table border="0" cellpadding="4"><tr><th align="left">Name</th><td>Celeste Ward</td></tr><tr><th align="left">Phone</th><td>0555 0142</td></tr><tr><th align="left">Topic</th><td>Selling</td></tr><tr><th align="left">Message</th><td>Do you buy used books? I have 300 crime novels. I know who did it in <b>all</b> of them.</td></tr></table>`,
      },
    ],
    unread: true,
    next: `Thank you, I will bring the first hundred. Please do not ask me about the endings; I find it hard to stop.`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Nadia Ferro', 'nadia.ferro@ferro-design.example'],
    subject: 'Newsletter looks broken on my phone',
    days: 1.3,
    turns: [
      {
        by: 'customer',
        text: `Hello, your newsletter is one letter wide on my phone. I read it downwards, like a totem pole. The picture at the bottom is nice.`,
        html: `<div dir="ltr"><p>Hello,</p><p>your newsletter is <span style="font-size:18px"><b>one letter wide</b></span> on my phone. I read it downwards, like a totem pole.</p><p>The picture at the bottom is nice.</p><p style="color:#888">Nadia Ferro<br><a href="https://ferro-design.example">ferro-design.example</a></p></div>`,
        files: ['photo.png'],
      },
      ben(`Hello Nadia,

thank you for scrolling so patiently. The template is mended; the next one should be at least forty letters wide.

Ben`),
      { by: 'customer', unthreaded: true, text: `Forty-two! And the cat fits on one screen. Well done.` },
    ],
    next: `I have told my colleagues. They now want the totem pole version, too.`,
  },
];

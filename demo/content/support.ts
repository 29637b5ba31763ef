/** support@: orders that went astray, books that did, and people who are nice about it. */
import { ben, eva, shop, type Talk } from './talk.ts';

export const support: readonly Talk[] = [
  {
    box: 'support',
    language: 'en',
    who: ['Margaret Oyelaran', 'margaret.oyelaran@postbox.example'],
    subject: 'Order 20817: wrong half of "War and Peace"',
    days: 4.2,
    signature: 'Margaret Oyelaran\nLower Quay Reading Circle',
    turns: [
      `Hello,

my parcel came today, thank you. I ordered "War and Peace" in one volume. What I got is volume two, twice. I now own the end of the story in duplicate and have no idea who any of these people are.

Could you send volume one? I am happy to post a spare ending back.`,
      ben(`Dear Margaret,

I am so sorry: our picking list reads "W&P (2)", and somebody took that for a quantity.

Volume one leaves with tonight's post, first class, at our expense. Please keep the second volume two, or leave it in a telephone box for somebody who likes endings.

Ben`),
      `Dear Ben,

it arrived this morning. Thank you! The spare is now in the telephone box by the ferry, with a note that says "start elsewhere".`,
    ],
    assignee: 'ben',
    next: `Ben, you are a treasure. The circle meets on Thursday and I am on page 12. Only 1,213 to go.`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Tom Haldane', 'tom@haldane-joinery.example'],
    subject: 'Where is my parcel?',
    days: 3.1,
    turns: [
      `Hi, order 20790 says "out for delivery" since Tuesday. It is Friday. How far out is it?`,
      shop(`Hello Tom,

the carrier has it in their depot in Northpoint and cannot say why. We have asked them to look behind the radiator, where they found the last one.`),
      `Radiator it was. Came an hour ago, slightly warm. Cheers.`,
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Priya Raman', 'priya.raman@inbox.example'],
    subject: 'Damaged cover, photo attached',
    days: 2.4,
    turns: [
      {
        by: 'customer',
        text: `Hello Harbour Books,

"The Sea, The Sea" came with a corner folded right over (photo attached). It was meant as a gift. Could I have a refund or a replacement, please? The party is on Saturday.`,
        files: ['photo.png'],
      },
      ben(`Hello Priya,

that corner has been to sea itself. A fresh copy goes out today with the courier and will be with you on Friday before noon. No need to send the old one back.

All the best for the party
Ben`),
    ],
    assignee: 'ben',
    next: `It came at eleven and it is perfect. Thank you, Ben! He has read it already, so I will borrow it back.`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['J. R. Whitlock', 'jrw@whitlock.example'],
    subject: 'COMPLAINT regarding your cat',
    days: 1.9,
    turns: [
      `Sirs,

I visited your premises on Saturday with the intention of buying an atlas. Your cat was asleep on the atlas. I was told by a young man that "Melville has the atlas until four".

I returned at four. The cat had moved to the dictionaries. I had no wish for a dictionary, but I understand that the principle is the same.

I expect a written statement.

J. R. Whitlock`,
    ],
    assignee: 'eva',
    starred: true,
    notes: [
      ['ben', 'I was the young man. In my defence: he bites.'],
      ['eva', "I will answer this one myself. Please put the atlas aside, with Mr Whitlock's name on it."],
      ['li', 'Third complaint about Melville this quarter; the other two asked whether he is for sale.'],
    ],
    next: `Madam,

I accept the statement, and the atlas. The cat's signature is illegible, but I take the paw print to be genuine.

J. R. Whitlock`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Aoife Brennan', 'aoife.b@saltmarsh.example'],
    subject: 'E-book will not open on my reader',
    days: 1.6,
    turns: [
      `Hi there,

I bought "A Field Guide to Clouds" as an e-book (order 20841). My reader says "this document has no pages", which is also what I think about clouds, but I would like to read it.

The reader is a Lumen 3, if that helps.`,
      ben(`Hi Aoife,

it does help: the Lumen 3 wants the file in its older format. There is a second download link on your order page now. If it still has no pages, we will draw them by hand.

Ben`),
      `The second file opens, but chapter 4 (Cumulus) is missing; it jumps from page 61 to 90. Is that the weather or the file?`,
    ],
    assignee: 'ben',
    notes: [['ben', 'Publisher confirms: broken build of the file. New one promised for tomorrow morning.']],
    next: `Got the new file. All the clouds are there. Thanks a million!`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Dele Adeyemi', 'dele@adeyemi-studio.example'],
    subject: 'Invoice with VAT number for order 20733',
    days: 5.5,
    turns: [
      `Hello, my accountant needs the invoice for order 20733 made out to the company, with the VAT number GB 000 1234 56. Can you do that?`,
      shop(`Hello Dele, of course. The corrected invoice is attached to your order page; the old one is cancelled.`),
      `Perfect, thank you. She is pleased, and that is rare.`,
    ],
    done: true,
  },
  {
    box: 'support',
    alias: 'returns',
    language: 'en',
    who: ['Hannah Vole', 'hannah.vole@inbox.example'],
    subject: 'Return: three copies of the same cookbook',
    days: 2.9,
    turns: [
      `Hi,

for my birthday I was given "Bread in Ten Minutes" by three people who clearly discussed it with nobody. Two were bought from you (order numbers 20650 and 20688). Can I return both for a voucher?

One has a little flour on page 8. I tried the recipe. It takes forty minutes.`,
      eva(`Hello Hannah,

happy birthday! Send both to the address on our returns page; a label is in your account. Flour counts as reading, and reading is not damage. The voucher follows as soon as they are here.

Eva`),
    ],
    next: `Both are in the post. I put a slice of the bread in as a thank-you, well wrapped. Please do not give it to the cat.`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Callum Reid', 'callum.reid@northpoint.example'],
    subject: 'Cancel order 20866 please',
    days: 0.6,
    turns: [
      `Please cancel 20866. My daughter ordered 40 copies of the same dinosaur book. She is six. She says it is "in case some go extinct".`,
    ],
    unread: true,
    next: `Thank you. She asks whether one copy could stay in the order. For the breeding programme.`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Ines Duarte', 'ines.duarte@correio.example'],
    subject: 'Password reset mail never arrives',
    days: 0.9,
    turns: [
      `Hello,

I asked for a new password four times since yesterday and no mail came. Yes, I looked in the spam folder. I found three princes and a lottery there, but no Harbour Books.`,
    ],
    assignee: 'agents',
    notes: [['ben', "Her provider refuses our shop's mail server since the move. Asked the host to check the reverse DNS."]],
    next: `It works now! I chose a long password. The princes send their regards.`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Gwen Pritchard', 'gwen@pritchard-family.example'],
    subject: 'Gift card code says "already used"',
    days: 0.4,
    turns: [
      `Good morning, the gift card I had from my grandson (HB-7731-QUAY) says that it is already used. I have only ever used it as a bookmark. Can you look into it?`,
    ],
    unread: true,
    next: `How kind. I shall buy the large-print Poirot with it, and a proper bookmark.`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Oskar Lindqvist', 'oskar.l@fjordpost.example'],
    subject: 'Customs form for Norway',
    days: 6.3,
    turns: [
      `Hi! My parcel (20702) is held by customs. They want to know what "1 x Moby-Dick" is and whether it contains parts of protected animals.`,
      shop(`Hi Oskar, we have sent them a declaration: one novel, paper, no whale. They should release it tomorrow.`),
      `Released! The officer asked me how it ends. I told him to buy his own.`,
      shop(`We like you.`),
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Sadia Malik', 'sadia.malik@inbox.example'],
    subject: 'Subscription box: may I pause October?',
    days: 7.2,
    turns: [
      `Hello, I love the monthly box, but I have not finished July yet, and August is looking at me. May I pause a month?`,
      shop(`Hello Sadia, paused. The pile will wait; piles are good at that.`),
      `Thank you! Finished July last night. August looks less cross already.`,
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Lower Quay Primary School', 'office@lowerquay-primary.example'],
    subject: 'Class set: two books short',
    days: 1.2,
    signature: 'Mrs D. Okafor\nSchool office, Lower Quay Primary',
    turns: [
      {
        by: 'customer',
        text: `Dear Harbour Books,

our class set of "The Lighthouse Mice" should be 28 copies; we counted 26. The children counted as well and got numbers between 19 and 41, so we would rather go with ours. The delivery note is attached.`,
        files: ['order.csv'],
      },
      ben(`Dear Mrs Okafor,

26 is right, and 28 would have been righter. Two more are on the way, with stickers for the young auditors.

Ben`),
      `The stickers have caused a second count. We are now at 33. Thank you very much!`,
    ],
    assignee: 'ben',
    next: `All 28 are here. The class wrote you a thank-you card; it contains 11 spellings of "mice".`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Viktor Hale', 'viktor.hale@inbox.example'],
    subject: 'Audiobook narrator sounds like my ex-wife',
    days: 3.8,
    turns: [
      `Is there another recording of "Great Expectations"? I bought yours in good faith and she has been telling me off since chapter one.`,
      ben(`Hello Viktor,

there is one read by a gentleman from Leeds with a very forgiving voice. I have swapped it in your library.

Ben`),
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Rosalind Achterberg', 'rosalind@achterberg.example'],
    subject: 'A book I read in 1987',
    days: 0.7,
    turns: [
      `Dear book people,

I am looking for a book that I read in 1987. It was green. There was a boat in it, or possibly a goat. A man called Edmund (or Edward) was unhappy about an inheritance. I think it rained.

I know this is not much. It was very good.`,
    ],
    starred: true,
    notes: [
      ['li', 'My bet: "The Tenant of Gull Rock". Green cloth, goat on the boat.'],
      ['ben', 'It has both?! I will ask her about page one before we promise anything.'],
    ],
    next: `THE GOAT WAS ON THE BOAT. Yes! That is the one. I cried a little. How do you people do this?`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Kofi Mensah', 'kofi.mensah@goldline.example'],
    subject: 'Charged twice for 20855',
    days: 0.5,
    turns: [
      `Hello,

my card shows two charges of 24.90 for order 20855, both yesterday at 19:42. I bought one book. It is a good book, but not that good.

Kofi`,
    ],
    assignee: 'ben',
    next: `The money is back already. And the book turns out to be that good after all. Thanks!`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Bea Thornton', 'bea@thornton-hill.example'],
    subject: 'Thank you (no question)',
    days: 4.9,
    turns: [
      `I only wanted to say that the parcel was beautifully packed, with the little paper boat on top. My mother kept the boat and gave me the book.`,
      shop(`That made our day. The boats are folded by Ben, who says thank you and has now gone red.`),
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Femi and Lou', 'femi.lou@inbox.example'],
    subject: 'Change delivery address: we moved onto a boat',
    days: 0.3,
    turns: [
      `Hi Harbour Books,

we are customers 4471 and as of this week we live on the narrowboat "Second Edition", at present near lock 9. Where should a parcel go when the address moves at four miles an hour?`,
    ],
    unread: true,
    next: `Collect at your counter it is. We will moor outside on Sunday. Can we bring the dog? He is afraid of cats, but curious.`,
  },
];

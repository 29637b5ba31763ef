/** Customers from further away, in scripts that a terminal must get right. */
import { ben, shop, type Talk } from './talk.ts';

export const world: readonly Talk[] = [
  {
    box: 'support',
    language: 'ja',
    who: ['佐藤 美咲', 'misaki.sato@yubin.example'],
    subject: '注文20815について(カバーの色違い)',
    days: 2.6,
    signature: '佐藤 美咲',
    turns: [
      `ハーバーブックス ご担当者様

お世話になっております。佐藤です。
昨日、注文した『灯台守の猫』が届きました。ありがとうございます。
ただ、青いカバーを注文したのですが、届いたのは赤いカバーでした。
中身は同じでしょうか。猫も同じでしょうか。

よろしくお願いいたします。`,
      ben(`佐藤様

ご連絡ありがとうございます。中身も猫も同じですが、青いカバーを本日お送りします。
赤いカバーはどうぞそのままお持ちください。

ベン`),
      `ベン様

青いカバーが届きました。早速のご対応、誠にありがとうございました。
赤は雨の日に、青は晴れの日に読むことにします。`,
    ],
    assignee: 'ben',
    done: true,
    next: `ご丁寧にありがとうございます。今日は雨なので、赤で読んでいます。`,
  },
  {
    box: 'sales',
    language: 'ja',
    who: ['港町古書店 田中', 'tanaka@minatomachi-koshoten.example'],
    subject: '古書の海外発送に関するお問い合わせ',
    days: 1.2,
    turns: [
      `突然のご連絡失礼いたします。横浜で古書店を営んでおります田中と申します。
貴店の目録にある航海日誌(1872年)について、状態と送料をお教えいただけますでしょうか。
虫食いの有無も重ねてお伺いいたします。虫の種類がわかれば、なお幸いです。`,
    ],
    assignee: 'eva',
    notes: [['eva', 'He wants to know the kind of worm. I like him. Photographs of every page, please.']],
    next: `写真を拝見しました。虫食いは芸術的です。ぜひ購入させてください。`,
  },
  {
    box: 'support',
    language: 'zh',
    who: ['陈晓雨', 'xiaoyu.chen@xinxiang.example'],
    subject: '订单20829:收到的书少了第三册',
    days: 1.9,
    turns: [
      `你好!

我订购的《海上旅行记》全四册,收到时只有一、二、四册。主人公在第二册末尾掉进海里,第四册开头已经结婚了。中间到底发生了什么?

请尽快补寄第三册,谢谢!
陈晓雨`,
      ben(`晓雨您好:

非常抱歉!第三册今天已经寄出。先不剧透,只能说他会游泳。

Ben`),
      `收到了,谢谢!原来是海豚。`,
    ],
    done: true,
  },
  {
    box: 'sales',
    language: 'zh',
    who: ['林建国(海风书店)', 'lin@haifeng-books.example'],
    subject: '询价:英文童书200本',
    days: 0.8,
    turns: [
      {
        by: 'customer',
        text: `您好,

我们是厦门的一家独立书店,想采购英文童书200本左右,书单见附件。请报价并告知最快的发货时间。如果有关于猫的书,请多推荐几本,我们店里也有一只,叫"船长"。

祝好
林建国`,
        files: ['list.csv'],
      },
    ],
    unread: true,
    next: `报价收到,很合适。"船长"向贵店的猫问好。`,
  },
  {
    box: 'support',
    language: 'zh',
    who: ['王思琪', 'siqi.wang@xinxiang.example'],
    subject: '电子书可以送朋友吗?',
    days: 3.5,
    turns: [
      `请问买了的电子书可以转送给朋友吗?我已经看完了,他一直在旁边问结局。`,
      shop(`思琪您好,电子书不能转送,不过我们给您发了一张优惠券,可以让他自己看结局。`),
      `太好了,他终于安静了。谢谢!`,
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'ko',
    who: ['김하늘', 'haneul.kim@pyeonji.example'],
    subject: '배송 주소 변경 부탁드립니다',
    days: 0.6,
    turns: [
      `안녕하세요, 주문 20861의 배송 주소를 변경하고 싶습니다. 지난주에 이사를 했는데, 책보다 제가 먼저 도착해 버렸네요. 새 주소는 계정에 입력해 두었습니다. 감사합니다.`,
    ],
    unread: true,
    next: `빠른 답변 감사합니다! 책장도 이제 막 도착했습니다.`,
  },
  {
    box: 'support',
    language: 'ar',
    who: ['ليلى حدّاد', 'layla.haddad@barid.example'],
    subject: 'استفسار عن الطلب رقم 20834',
    days: 1.8,
    turns: [
      `السلام عليكم،

طلبتُ ديوان شعر بالعربية ووصلني كتاب عن صيد السمك. قرأتُ الفصل الأول، وهو شاعريّ إلى حدّ ما، لكنني ما زلت أريد الديوان.

مع الشكر،
ليلى حدّاد`,
      ben(`وعليكم السلام سيدة ليلى،

نعتذر عن الخطأ. أُرسل الديوان اليوم بالبريد السريع، واحتفظي بكتاب الصيد هدية منّا.

بن`),
      `وصل الديوان، شكرًا جزيلًا! أخي أخذ كتاب السمك ولم يعد من البحر بعد.`,
    ],
    done: true,
    next: `عاد أخي ومعه سمكة واحدة. يقول إن الفصل الثاني أصعب.`,
  },
  {
    box: 'sales',
    language: 'ar',
    who: ['مكتبة المنارة', 'info@almanara-books.example'],
    subject: 'طلب عرض سعر لكتب الأطفال',
    days: 0.9,
    turns: [
      `تحية طيبة،

نودّ الحصول على عرض سعر لستين كتابًا للأطفال باللغتين العربية والإنجليزية لمعرض الكتاب القادم. يُفضَّل أن تكون الأغلفة قوية، فجمهورنا متحمّس.

مكتبة المنارة`,
    ],
    assignee: 'agents',
    next: `عرض ممتاز، نوافق عليه. سنرسل لكم صور الجمهور المتحمّس.`,
  },
  {
    box: 'support',
    language: 'he',
    who: ['נועה ברק', 'noa.barak@doar.example'],
    subject: 'הספר הגיע, אבל הפוך',
    days: 1.1,
    turns: [
      `שלום,

הספר "מגדלור" שהזמנתי (20847) הגיע בזמן, אבל הכריכה הודבקה הפוך. ברכבת כולם חושבים שאני קוראת עם הרגליים למעלה. אפשר להחליף?

תודה,
נועה`,
      ben(`שלום נועה,

עותק ישר יוצא אלייך היום. את ההפוך אפשר לשמור לנסיעות ארוכות.

בן`),
    ],
    assignee: 'ben',
    next: `קיבלתי, תודה! עכשיו ברכבת אף אחד לא מסתכל. קצת חבל.`,
  },
  {
    box: 'support',
    language: 'vi',
    who: ['Nguyễn Thị Ánh Tuyết', 'anhtuyet.nguyen@thudientu.example'],
    subject: 'Đơn hàng 20838: xin hỏi thời gian giao',
    days: 2.3,
    turns: [
      `Chào cửa hàng,

Em đặt cuốn "Ngọn hải đăng cuối cùng" từ tuần trước mà chưa thấy giao. Bà em hỏi mỗi sáng, vì bà muốn biết ngọn hải đăng có tắt không. Cửa hàng kiểm tra giúp em nhé.

Em cảm ơn,
Ánh Tuyết`,
      ben(`Chào bạn Ánh Tuyết,

Sách đang ở trung tâm phân loại và sẽ đến vào thứ Năm. Xin gửi lời chào bà: ngọn hải đăng vẫn sáng đến trang 300.

Ben`),
      `Sách đến rồi ạ! Bà đọc một mạch đến trang 299 và để dành trang cuối cho ngày mai.`,
    ],
    done: true,
  },
  {
    box: 'support',
    language: 'vi',
    who: ['Trần Quốc Huy', 'quochuy.tran@thudientu.example'],
    subject: 'Sách thiếu trang 113–128',
    days: 0.5,
    turns: [
      `Xin chào, cuốn trinh thám em mua (đơn 20857) thiếu đúng trang 113 đến 128, tức là chương hung thủ bị lộ. Em có nghi ông làm vườn. Cho em xin cuốn khác ạ.`,
    ],
    assignee: 'ben',
    next: `Em cảm ơn! Hóa ra không phải ông làm vườn. Em xin lỗi ông ấy.`,
  },
];
